//! The real program against a scripted upstream on loopback.

mod architecture;
mod kill;
mod main_job;
mod store;
mod support;
