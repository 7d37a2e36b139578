//! `--skip-done`: what the reports of earlier runs say is done.

use std::path::PathBuf;

use element_mirror::error::RunError;
use element_mirror::event::Events;
use element_mirror::ids::{Input, Sieve};

/// A report, and how many of its lines could not be read as report lines.
pub(super) struct Odd {
    report: String,
    lines: u64,
}

/// Lets `sieve` pass over what the `reports` say is done; gives those with odd lines.
pub(super) fn leave_out(sieve: &Sieve, reports: &[PathBuf]) -> Result<Vec<Odd>, RunError> {
    let mut odd = Vec::new();
    for path in reports {
        let lines = sieve.leave_out(Input::open_report(path)?)?;
        if lines > 0 {
            odd.push(Odd { report: path.display().to_string(), lines });
        }
    }
    Ok(odd)
}

/// Warns of the reports with odd lines.
pub(super) async fn tell_odd(events: &Events, odd: Vec<Odd>) {
    for Odd { report, lines } in odd {
        events.warn(report, format!("lines that say nothing of an element, passed over: {lines}")).await;
    }
}
