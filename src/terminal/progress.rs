//! How far a command is: one line that is drawn over and over on a terminal, or a line now and then elsewhere.

mod speed;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use console::Term;
use element_mirror::event::Counters;
use element_mirror::outcome::Status;
use element_mirror::report::Verbosity;
use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::summary::{counted, time};
use crate::cli::{SayingArgs, When};
use speed::Speed;

/// How long it is from line to line where there is no terminal to draw on.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// How long it is where --progress always asks for it.
const LINE_OFTEN: Duration = Duration::from_secs(5);
/// How often a second the line is drawn, at most: more would only flicker.
const DRAWN_A_SECOND: u8 = 5;
/// The columns of the line that are not text: what turns, a space, and one that is left free, or a terminal might wrap.
const MARGIN: usize = 3;

/// Progress, as it is shown.
pub(super) struct Progress {
    shown: Shown,
    speed: Speed,
    started: Instant,
    /// How wide the line is that stands on the terminal, in columns.
    drawn: usize,
}

enum Shown {
    Bar(ProgressBar),
    Lines { every: Duration, last: Instant },
    Nothing,
}

/// What came of the elements so far.
#[derive(Clone, Copy)]
pub(super) struct Tally<'a> {
    /// How many elements have ended; `None` for a listing, in which none are expected to.
    pub(super) done: Option<u64>,
    /// How many of them failed, or are otherwise not as they should be.
    pub(super) flawed: &'a BTreeMap<Status, u64>,
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
        Self { shown, speed: Speed::default(), started: Instant::now(), drawn: 0 }
    }

    /// Lets `write` write a line where the progress stands.
    pub(super) fn suspend(&mut self, write: impl FnOnce()) {
        self.mend_after_resize();
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(write),
            _ => write(),
        }
    }

    /// Shows how far the command is; gives the line to be written, where there is no terminal and it is time for one.
    pub(super) fn tick(&mut self, tally: Tally<'_>, counters: &Counters) -> Option<String> {
        let elapsed = self.started.elapsed();
        self.speed.add(elapsed, tally.done.unwrap_or_default(), moved(counters));
        self.mend_after_resize();
        match &mut self.shown {
            Shown::Bar(bar) => {
                let line = fitting(parts(tally, counters, &self.speed, elapsed), width().saturating_sub(MARGIN));
                self.drawn = console::measure_text_width(&line) + MARGIN - 1;
                bar.set_message(line);
                bar.tick();
                None
            }
            Shown::Lines { every, last } if last.elapsed() >= *every => {
                *last = Instant::now();
                Some(fitting(parts(tally, counters, &self.speed, elapsed), usize::MAX))
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

    /// Removes the line where the terminal has become narrower than it is: it takes several lines then, and only the
    /// last would be drawn over.
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

/// A part of a line of progress.
struct Part {
    /// How soon it is left out where the line is too long; one of 0 stays.
    rank: u8,
    /// What it says, behind the gap to what stands before it.
    text: String,
}

/// The parts of a line of progress, in order.
fn parts(tally: Tally<'_>, counters: &Counters, speed: &Speed, elapsed: Duration) -> Vec<Part> {
    let (known, all_known) = (counters.known.load(Relaxed), counters.all_known.load(Relaxed));
    let part = |rank, text| Part { rank, text };
    let Some(done) = tally.done else {
        let requests = counted(counters.api_requests.load(Relaxed), "request");
        return vec![
            part(0, format!("{known} listed")),
            part(2, format!("  {requests}")),
            part(1, format!("  {}", time(elapsed))),
        ];
    };
    if (done, known, all_known) == (0, 0, false) {
        return vec![part(0, "waiting for the first element".to_owned())];
    }
    let more = if all_known { "" } else { "+" };
    let mut parts = vec![part(0, format!("{done} of {known}{more}")), part(4, " elements".to_owned())];
    if !tally.flawed.is_empty() {
        let counts =
            tally.flawed.iter().rev().map(|(status, count)| format!("{count} {}", status.as_str().replace('_', " ")));
        parts.push(part(1, format!("  {}", counts.collect::<Vec<_>>().join(", "))));
    }
    let (bytes, in_flight) = (moved(counters), counters.in_flight.load(Relaxed));
    if bytes > 0 {
        parts.push(part(3, format!("  {}", BinaryBytes(bytes))));
        parts.push(part(2, format!("  {}/s", BinaryBytes(speed.bytes_a_second()))));
    }
    parts.push(part(5, format!("  {in_flight} in flight")));
    let left = known.saturating_sub(done);
    if let Some(eta) = speed.time_for(left).filter(|_| all_known && left > 0) {
        let eta = time(Duration::from_secs(eta.as_secs().max(1))).replace(".0 s", " s");
        parts.push(part(1, format!("  {eta} left")));
    }
    parts
}

/// How many bytes the command has received or read.
fn moved(counters: &Counters) -> u64 {
    counters.bytes.load(Relaxed) + counters.read.load(Relaxed)
}

/// As much of the parts as fits so many columns.
fn fitting(mut parts: Vec<Part>, columns: usize) -> String {
    loop {
        let line: String = parts.iter().map(|part| part.text.as_str()).collect();
        if console::measure_text_width(&line) <= columns {
            return line;
        }
        match parts.iter().enumerate().max_by_key(|(_, part)| part.rank) {
            Some((at, part)) if part.rank > 0 => drop(parts.remove(at)),
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
    fn line(tally: Tally<'_>, counters: &Counters, columns: usize) -> String {
        let mut speed = Speed::default();
        speed.add(Duration::ZERO, 0, 0);
        speed.add(Duration::from_secs(10), tally.done.unwrap_or_default(), counters.bytes.load(Relaxed));
        fitting(parts(tally, counters, &speed, Duration::from_secs(10)), columns)
    }

    #[test]
    fn a_narrower_line_says_less_and_what_matters_last() {
        let flawed = BTreeMap::from([(Status::Failed, 3)]);
        let (tally, counters) = (Tally { done: Some(100), flawed: &flawed }, counters(1000, true, 50 << 20));
        let lines = [80, 60, 40, 30, 15, 8].map(|columns| line(tally, &counters, columns));
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
        let none = BTreeMap::new();
        let tally = |done| Tally { done, flawed: &none };
        let beginning = line(tally(Some(0)), &counters(7, false, 0), 80);
        assert_eq!(beginning, "0 of 7+ elements  16 in flight");
        let before = line(tally(Some(0)), &counters(0, false, 0), 80);
        assert_eq!(before, "waiting for the first element");
        let walk = line(tally(None), &counters(250, false, 0), 80);
        assert_eq!(walk, "250 listed  0 requests  10.0 s");
    }

    #[test]
    fn what_is_incomplete_has_not_failed() {
        let flawed = BTreeMap::from([(Status::Failed, 1), (Status::Incomplete, 2)]);
        let line = line(Tally { done: Some(6), flawed: &flawed }, &counters(7, true, 0), 60);
        assert!(line.starts_with("6 of 7 elements  1 failed, 2 incomplete"), "{line}");
    }
}
