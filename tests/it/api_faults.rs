//! What can go wrong with the API, and what is true afterwards.

mod connections;
mod pauses;
mod redirects;
mod refusals;
mod replies;
mod tries;
