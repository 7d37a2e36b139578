//! The real program against a scripted upstream on loopback.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test looks at files itself, and what it did not expect is its failure"
)]

mod architecture;
mod command_line;
mod demo;
mod ending;
mod input;
mod main_job;
mod report;
mod support;
