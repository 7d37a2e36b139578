//! What people see on standard error: progress, failures, the summary. Nothing else knows indicatif.

pub(crate) mod hint;
mod progress;
mod summary;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use console::Style;
use element_mirror::error::{ErrorKind, Failure};
use element_mirror::event::{Counters, Event};
use element_mirror::outcome::{ElementOutcome, End, Status};
use element_mirror::report::{Reporter, Sink, Verbosity};
use element_mirror::time::Time;
use indicatif::BinaryBytes;

use crate::cli::{Complaint, SayingArgs, Text, When};
use progress::{Progress, Tally};
use summary::LastWords;

/// How many failures are told one by one; the summary counts the others.
const MOST_FAILURES: u64 = 20;

/// How many changes a dry run tells one by one.
const MOST_CHANGES: u64 = 20;

/// Tells people.
pub(crate) struct Terminal {
    out: Sink,
    verbosity: Verbosity,
    paint: Paint,
    progress: Progress,
    destination: Option<PathBuf>,
    counters: Arc<Counters>,
    done: u64,
    failures: u64,
    /// How many elements so far ended in each status that a person has something to do about.
    flawed: BTreeMap<Status, u64>,
    /// Of a dry run, when it began.
    dry_run_since: Option<Time>,
    changes: u64,
    /// The options given that leave elements out.
    leaving_out: Vec<&'static str>,
}

/// The styles in use; plain where colours are off.
struct Paint {
    good: Style,
    bad: Style,
    odd: Style,
    dim: Style,
}

impl Paint {
    fn new(color: When) -> Self {
        let on = is_on(color, console::colors_enabled_stderr);
        let style = |style: Style| style.for_stderr().force_styling(on);
        Self {
            good: style(Style::new().green()),
            bad: style(Style::new().red()),
            odd: style(Style::new().yellow()),
            dim: style(Style::new().dim()),
        }
    }
}

impl Terminal {
    /// A terminal that writes to `out` about a run into `destination`, or about a listing, which has none.
    pub(crate) fn new(saying: &SayingArgs, destination: Option<&Path>, out: Sink, counters: Arc<Counters>) -> Self {
        Self {
            out,
            verbosity: saying.verbosity(),
            paint: Paint::new(saying.color),
            progress: Progress::new(saying),
            destination: destination.map(Path::to_owned),
            counters,
            done: 0,
            failures: 0,
            flawed: BTreeMap::new(),
            dry_run_since: None,
            changes: 0,
            leaving_out: Vec::new(),
        }
    }

    /// The same, about a command that was given these `options` that leave elements out.
    pub(crate) fn leaving_out(self, options: Vec<&'static str>) -> Self {
        Self { leaving_out: options, ..self }
    }

    /// The same, telling what would change, as is asked of a dry run.
    pub(crate) fn of_dry_run(self) -> Self {
        Self { dry_run_since: Some(Time::now()), ..self }
    }

    fn say(&mut self, line: &str) {
        let Self { progress, out, .. } = self;
        progress.suspend(|| write_line(out, line));
    }

    fn finished(&mut self, outcome: &ElementOutcome) {
        self.done += 1;
        let failed = outcome.is_flawed();
        let told = failed && !is_said_at_the_end(outcome);
        if told {
            self.failures += 1;
            *self.flawed.entry(outcome.status).or_default() += 1;
        }
        let changes = self.dry_run_since.is_some_and(|since| would_change(outcome, since));
        self.changes += u64::from(changes);
        let (is_few, normal) = (self.failures <= MOST_FAILURES, self.verbosity == Verbosity::Normal);
        let shown = normal && ((told && is_few) || (changes && self.changes <= MOST_CHANGES));
        if shown || self.verbosity == Verbosity::Verbose {
            let paint = &self.paint;
            let (style, word) = match (is_cut_off(outcome), failed) {
                (true, _) => (&paint.odd, "cut off"),
                (false, true) => (&paint.bad, word(outcome.status)),
                (false, false) => (&paint.good, word(outcome.status)),
            };
            let status = style.apply_to(format!("{word:>10}"));
            self.say(&format!("{status}  {}{}", place(outcome.name()), detail(outcome)));
        }
        if told && normal && self.failures == MOST_FAILURES + 1 {
            self.say(&self.paint.dim.apply_to("            further failures are counted below").to_string());
        }
    }

    /// How many changes a dry run did not tell one by one.
    fn tell_untold_changes(&mut self) {
        let untold = self.changes.saturating_sub(MOST_CHANGES);
        if untold > 0 && self.verbosity == Verbosity::Normal {
            let line = format!("            and {untold} more: -v or --report tells which");
            self.say(&self.paint.dim.apply_to(line).to_string());
        }
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let verbose = self.verbosity == Verbosity::Verbose;
        match event {
            Event::Finished(outcome) => self.finished(outcome),
            Event::Retrying { what, kind, message, delay, .. } if verbose => {
                let delay = delay.as_secs_f64();
                self.say(&format!("     retry  {what}: {kind}: {message}; again in {delay:.1} s"));
            }
            Event::Paused { account, message, delay, .. } if verbose => {
                let delay = delay.as_secs_f64();
                let said = if message.is_empty() { String::new() } else { format!(": {message}") };
                self.say(&format!("     pause  {account}: the API asks to wait {delay:.1} s (429{said})"));
            }
            Event::Refreshed { what, kind, message, .. } if verbose => {
                self.say(&format!("   refresh  {what}: {kind}: {message}; its links are asked for anew"));
            }
            Event::Refused { what, kind, message, .. } if verbose => {
                self.say(&format!("   refused  {what}: {kind}: {message}"));
            }
            Event::Pruned { what, when, bytes, dry_run: false, .. } if verbose => {
                self.say(&format!("    pruned  {what} of {when}, {}", BinaryBytes(*bytes)));
            }
            Event::Pruned { what, when, bytes, dry_run: true, .. } if self.verbosity > Verbosity::Quiet => {
                self.say(&format!("  to prune  {what} of {when}, {}", BinaryBytes(*bytes)));
            }
            Event::Warned { what, message, .. } if self.verbosity > Verbosity::Quiet => {
                let what = place(what);
                self.say(&format!("{}  {what}: {message}", self.paint.odd.apply_to("   warning")));
            }
            Event::Ended(summary) => {
                self.tell_untold_changes();
                self.progress.end();
                // Whoever closed the pipe has seen enough, and says so to nobody.
                let closed = summary.ends == [End::ReaderGone];
                if !closed && (self.verbosity > Verbosity::Quiet || summary.is_flawed()) {
                    let (destination, paint) = (self.destination.as_deref(), &self.paint);
                    let words = LastWords { summary, destination, leaving_out: &self.leaving_out, paint };
                    write_line(&mut self.out, &words.tell());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn stopping(&mut self, ends: &[End]) {
        // Whoever pressed the keys is to know that they were heard.
        if ends.iter().any(|end| matches!(end, End::Signal(_))) && io::stderr().is_terminal() {
            self.say(&self.paint.odd.apply_to("  stopping  once more stops at once").to_string());
        }
    }

    fn tick(&mut self) {
        let tally = Tally { done: self.destination.as_ref().map(|_| self.done), flawed: &self.flawed };
        if let Some(line) = self.progress.tick(tally, &self.counters) {
            write_line(&mut self.out, &line);
        }
    }
}

/// Whether the run's end cut the element off, which is nothing of its own.
fn is_cut_off(outcome: &ElementOutcome) -> bool {
    outcome.status == Status::Failed && outcome.error.as_ref().is_some_and(|error| error.kind == ErrorKind::Interrupted)
}

/// Whether a run like the dry one that began `from` then would change the element, or note that it is gone.
fn would_change(outcome: &ElementOutcome, from: Time) -> bool {
    match outcome.status {
        Status::WouldCreate | Status::WouldUpdate => true,
        Status::Gone => outcome.gone_since.is_some_and(|since| since >= from),
        _ => false,
    }
}

/// The status in front of an element's name.
fn word(status: Status) -> &'static str {
    match status {
        Status::WouldCreate => "to create",
        Status::WouldUpdate => "to update",
        status => status.as_str(),
    }
}

/// What a person knows an element or a line by: standard input has no name.
fn place(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("-:") {
        Some(line) => format!("standard input:{line}").into(),
        None => name.into(),
    }
}

/// Whether the element failed for a reason that ends the whole run, and is said with its end.
fn is_said_at_the_end(outcome: &ElementOutcome) -> bool {
    let of_run = |failure: &Failure| match failure.kind {
        ErrorKind::Interrupted => true,
        ErrorKind::Http(401 | 402) => failure.asset.is_none(),
        _ => false,
    };
    outcome.error.as_ref().is_some_and(of_run)
}

/// What there is to say of an element beside its status and name.
fn detail(outcome: &ElementOutcome) -> String {
    match (&outcome.error, outcome.downloaded) {
        (Some(failure), _) => {
            let asset = failure.asset.as_deref().filter(|asset| !failure.message.contains(asset));
            let asset = asset.map(|asset| format!("{asset}: ")).unwrap_or_default();
            let kind = failure.kind.to_string();
            let kind = if kind == outcome.status.as_str() { String::new() } else { format!(" ({kind})") };
            format!(": {asset}{}{kind}", failure.message)
        }
        (None, Some(downloaded)) if downloaded > 0 => {
            format!("  {}, {}", summary::files(downloaded), BinaryBytes(outcome.bytes.unwrap_or(0)))
        }
        _ => String::new(),
    }
}

/// Says what keeps the program from its work, and what to do about it.
pub(crate) fn complain(saying: &SayingArgs, Complaint { message, hints }: &Complaint) {
    let paint = Paint::new(saying.color);
    let hints = hints.iter().map(|hint| paint.dim.apply_to(format!("\n    →  {hint}")).to_string());
    // A line of progress may stand there.
    let clear = if io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    let line = format!("{clear}{} {message}{}", paint.bad.apply_to("error:"), hints.collect::<String>());
    write_line(io::stderr().lock(), &line);
}

/// `text` with colours or without, as it fits standard output.
pub(crate) fn fit_for_output<'a>(text: &'a Text, saying: &SayingArgs) -> &'a str {
    let on = is_on(saying.color, console::colors_enabled);
    if on { &text.colored } else { &text.plain }
}

/// Shows text on standard error.
pub(crate) fn show(text: &Text, saying: &SayingArgs) {
    let on = is_on(saying.color, console::colors_enabled_stderr);
    write_line(io::stderr().lock(), if on { &text.colored } else { &text.plain });
}

fn is_on(color: When, where_shown: fn() -> bool) -> bool {
    match color {
        When::Auto => where_shown(),
        When::Always => true,
        When::Never => false,
    }
}

fn write_line(mut out: impl io::Write, line: &str) {
    // Standard error that is closed is no reason to stop mirroring.
    let _ = out.write_all(format!("{line}\n").as_bytes());
}
