//! A destination in a bucket.

pub mod connect;
pub mod location;
pub mod words;
