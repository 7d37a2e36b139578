//! The real program against a scripted upstream on loopback.

mod architecture;
mod main_job;
mod support;
