//! A destination in a bucket.

pub mod connect;
pub mod location;
#[cfg(test)]
mod scripted;
pub mod words;
