//! The real program against a scripted upstream on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "what can't be unwrapped fails the test, and tests look at files and wait for processes"
)]

mod api_faults;
mod architecture;
mod asset_faults;
mod main_job;
mod rough;
mod support;
