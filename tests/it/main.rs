//! The real program against a scripted upstream on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "all of it is tests, which the lints know only by #[test]"
)]

mod accounts;
mod api_faults;
mod architecture;
mod asset_faults;
mod bucket;
mod command_line;
mod cron;
mod demo;
mod dependencies;
mod docs;
mod ending;
mod gallery;
mod history;
mod index;
mod input;
mod kill;
mod last_words;
mod library;
mod main_job;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
mod pace;
mod package;
mod parsers;
mod report;
mod rough;
mod schema;
mod selection;
mod store;
mod support;
mod told;
mod verify;
