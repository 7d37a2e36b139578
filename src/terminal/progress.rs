//! How far a command came: one line that is drawn over and over on a terminal, or a line now and then elsewhere.

mod pace;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use console::Term;
use element_mirror::event::Counters;
use element_mirror::report::Verbosity;
use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::summary::{counted, time};
use crate::cli::{SayingArgs, When};
use pace::Pace;

/// How often a line is written where there is no terminal to draw on.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// The same, where progress is asked for.
const LINE_OFTEN: Duration = Duration::from_secs(5);
/// So often a second the line is drawn, at most: more would only flicker.
const DRAWN_A_SECOND: u8 = 5;
/// The columns of the line that are not text: what turns, a space, and one that is left free, or a terminal might wrap.
const MARGIN: usize = 3;

/// Progress, as it is shown.
pub(super) struct Progress {
    shown: Shown,
    pace: Pace,
    started: Instant,
    /// How wide the line is that stands on the terminal, in columns.
    drawn: usize,
}

enum Shown {
    Bar(ProgressBar),
    Lines { every: Duration, last: Instant },
    Nothing,
}

/// What was told so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// Elements that ended; none are expected where elements are listed.
    pub(super) done: Option<u64>,
    pub(super) failed: u64,
}

impl Progress {
    /// Progress as `saying` asks for.
    pub(super) fn new(saying: &SayingArgs) -> Self {
        let quiet = saying.verbosity() == Verbosity::Quiet;
        let lines = |every| Shown::Lines { every, last: Instant::now() };
        let shown = match (saying.progress, io::stderr().is_terminal()) {
            (When::Never, _) => Shown::Nothing,
            (When::Auto, _) if quiet => Shown::Nothing,
            (_, true) => Shown::Bar(bar()),
            (When::Auto, false) => lines(LINE_EVERY),
            (When::Always, false) => lines(LINE_OFTEN),
        };
        Self { shown, pace: Pace::default(), started: Instant::now(), drawn: 0 }
    }

    /// Lets `write` write a line where the progress stands.
    pub(super) fn suspend(&mut self, write: impl FnOnce()) {
        self.mend_after_resize();
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(write),
            _ => write(),
        }
    }

    /// Shows how far it came; gives the line that is to be written, where there is no terminal.
    pub(super) fn tick(&mut self, told: Told, counters: &Counters) -> Option<String> {
        let elapsed = self.started.elapsed();
        self.pace.add(elapsed, told.done.unwrap_or_default(), counters.bytes.load(Relaxed));
        self.mend_after_resize();
        match &mut self.shown {
            Shown::Bar(bar) => {
                let line = fitting(parts(told, counters, &self.pace, elapsed), width().saturating_sub(MARGIN));
                self.drawn = console::measure_text_width(&line) + MARGIN - 1;
                bar.set_message(line);
                bar.tick();
                None
            }
            Shown::Lines { every, last } if last.elapsed() >= *every => {
                *last = Instant::now();
                Some(fitting(parts(told, counters, &self.pace, elapsed), usize::MAX))
            }
            _ => None,
        }
    }

    /// Takes the line away: nothing is shown any more.
    pub(super) fn end(&mut self) {
        self.mend_after_resize();
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        self.shown = Shown::Nothing;
    }

    /// Where the terminal has become narrower than the line, that is several lines now, of which only the last would be
    /// drawn over.
    fn mend_after_resize(&mut self) {
        let columns = width();
        if matches!(self.shown, Shown::Bar(_)) && self.drawn > columns {
            let above = (self.drawn - 1) / columns.max(1);
            // A terminal that can't be written to has no such line.
            let _ = write!(io::stderr(), "\r\x1b[{above}A\x1b[J");
            self.drawn = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(DRAWN_A_SECOND));
    // The template is right, or the first test of the program would show it.
    let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    bar.set_style(style);
    bar
}

fn width() -> usize {
    usize::from(Term::stderr().size().1)
}

/// What a line of progress says, each part with how soon it goes where the line is too long; those of 0 stay.
fn parts(told: Told, counters: &Counters, pace: &Pace, elapsed: Duration) -> Vec<(u8, String)> {
    let (known, all_known) = (counters.known.load(Relaxed), counters.all_known.load(Relaxed));
    let Some(done) = told.done else {
        let requests = counters.api_requests.load(Relaxed);
        return vec![(0, format!("{known} listed")), (2, counted(requests, "request")), (1, time(elapsed))];
    };
    let more = if all_known { "" } else { "+" };
    let mut parts = vec![(0, format!("{done} of {known}{more}")), (4, "elements".to_owned())];
    if told.failed > 0 {
        parts.push((1, format!("{} failed", told.failed)));
    }
    let (bytes, in_flight) = (counters.bytes.load(Relaxed), counters.in_flight.load(Relaxed));
    if bytes > 0 {
        parts.push((3, BinaryBytes(bytes).to_string()));
        parts.push((2, format!("{}/s", BinaryBytes(pace.bytes_a_second()))));
    }
    parts.push((5, format!("{in_flight} in flight")));
    let left = known.saturating_sub(done);
    if let Some(eta) = pace.time_for(left).filter(|_| all_known && left > 0) {
        parts.push((1, format!("{} left", time(Duration::from_secs(eta.as_secs().max(1))).replace(".0 s", " s"))));
    }
    parts
}

/// As much of the parts as fits so many columns.
fn fitting(mut parts: Vec<(u8, String)>, columns: usize) -> String {
    loop {
        let mut line = String::new();
        for (rank, part) in &parts {
            // "3 of 7 elements" is one.
            let gap = if line.is_empty() {
                ""
            } else if *rank == 4 {
                " "
            } else {
                "  "
            };
            line = line + gap + part;
        }
        let fits = console::measure_text_width(&line) <= columns;
        match parts.iter().enumerate().max_by_key(|(_, (rank, _))| *rank) {
            Some((at, (rank, _))) if !fits && *rank > 0 => drop(parts.remove(at)),
            _ if fits => return line,
            _ => return console::truncate_str(&line, columns, "").into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(known: u64, all_known: bool, bytes: u64) -> Counters {
        let counters = Counters::default();
        counters.known.store(known, Relaxed);
        counters.all_known.store(all_known, Relaxed);
        counters.bytes.store(bytes, Relaxed);
        counters.in_flight.store(16, Relaxed);
        counters
    }

    /// The line of a run after ten seconds.
    fn line(told: Told, counters: &Counters, columns: usize) -> String {
        let mut pace = Pace::default();
        pace.add(Duration::ZERO, 0, 0);
        pace.add(Duration::from_secs(10), told.done.unwrap_or_default(), counters.bytes.load(Relaxed));
        fitting(parts(told, counters, &pace, Duration::from_secs(10)), columns)
    }

    #[test]
    fn a_narrower_line_says_less_and_what_matters_last() {
        let (told, counters) = (Told { done: Some(100), failed: 3 }, counters(1000, true, 50 << 20));
        let lines = [80, 60, 40, 30, 15, 8].map(|columns| line(told, &counters, columns));
        insta::assert_snapshot!(lines.join("\n"), @r"
        100 of 1000 elements  3 failed  50.00 MiB  5.00 MiB/s  1 min 30 s left
        100 of 1000  3 failed  5.00 MiB/s  1 min 30 s left
        100 of 1000  3 failed  1 min 30 s left
        100 of 1000  3 failed
        100 of 1000
        100 of 1
        ");
        for (line, columns) in lines.iter().zip([80, 60, 40, 30, 15, 8]) {
            assert!(line.len() <= columns, "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let beginning = line(Told { done: Some(0), failed: 0 }, &counters(7, false, 0), 80);
        assert_eq!(beginning, "0 of 7+ elements  16 in flight");
        let walk = line(Told::default(), &counters(250, false, 0), 80);
        assert_eq!(walk, "250 listed  0 requests  10.0 s");
    }
}
