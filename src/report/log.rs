//! The log for collectors of logs: a JSON object a line, with stable field names.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::Reporter;
use crate::error::ErrorKind;
use crate::event::Event;
use crate::outcome::{ElementOutcome, Pruned, Summary};
use crate::time::{Time, millis};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// Retries and pauses too.
    Verbose,
}

/// Writes log lines.
pub struct JsonLog<W> {
    out: W,
    verbosity: Verbosity,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    level: &'static str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ErrorKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a ElementOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Totals<'a>>,
}

/// A record as it is written.
#[derive(Serialize)]
struct Dated<'a> {
    time: Time,
    #[serde(flatten)]
    record: Record<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals<'a> {
    elements: BTreeMap<&'a str, u64>,
    downloaded: u64,
    bytes: u64,
    /// Of the mirror, by a verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_read: Option<u64>,
    warnings: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<Pruned>,
    /// How many elements the gallery shows, where one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    gallery: Option<u64>,
    suspiciously_gone: u64,
    not_taken_up: u64,
    elapsed_ms: u64,
    exit_code: u8,
    /// Why the run ended early, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ends: Vec<String>,
}

impl<'a> Totals<'a> {
    fn of(summary: &'a Summary) -> Self {
        Self {
            elements: summary.counts.iter().map(|(status, &count)| (status.as_str(), count)).collect(),
            downloaded: summary.downloaded,
            bytes: summary.bytes,
            bytes_read: summary.read,
            warnings: summary.warnings,
            pruned: summary.pruned,
            gallery: summary.gallery,
            suspiciously_gone: summary.suspiciously_gone,
            not_taken_up: summary.not_taken_up,
            elapsed_ms: millis(summary.elapsed),
            exit_code: summary.exit_code(),
            ends: summary.ends.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<W: Write + Send> JsonLog<W> {
    /// A log into `out`.
    pub fn new(out: W, verbosity: Verbosity) -> Self {
        Self { out, verbosity }
    }

    /// Logs what keeps a run from its work, and what to do about it. A run that could not begin has no events.
    pub fn complain(&mut self, message: &str, hints: &[String]) {
        let (message, hint) = (Some(message), Some(hints.join("; ")).filter(|hint| !hint.is_empty()));
        // That fails only for what can be no JSON, such as a map with keys that are no text.
        let _ = self.write(Record { level: "error", event: "broken", message, hint, ..Record::default() });
    }

    fn write(&mut self, record: Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Dated { time: Time::now(), record })?;
        line.push(b'\n');
        // Standard error that is closed is no reason to stop mirroring.
        let _ = self.out.write_all(&line);
        Ok(())
    }
}

impl<W: Write + Send> Reporter for JsonLog<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let (least, record) = record(event);
        if self.verbosity < least { Ok(()) } else { self.write(record) }
    }
}

/// A record of a message about `what`.
fn said<'a>(level: &'static str, event: &'static str, what: &'a str, message: &'a str) -> Record<'a> {
    Record { level, event, what: Some(what), message: Some(message), ..Record::default() }
}

/// The record of an event, and the least verbosity at which it is written.
fn record(event: &Event) -> (Verbosity, Record<'_>) {
    let hint = |event, what, kind, message, delay: Option<&Duration>| {
        let delay_ms = delay.and_then(|delay| u64::try_from(delay.as_millis()).ok());
        let record = Record { kind: Some(kind), delay_ms, ..said("info", event, what, message) };
        (Verbosity::Verbose, record)
    };
    let weight = |flawed| if flawed { (Verbosity::Quiet, "error") } else { (Verbosity::Normal, "info") };
    match event {
        Event::Finished(outcome) => {
            let (least, level) = weight(outcome.is_flawed());
            let outcome = Some(outcome.as_ref());
            (least, Record { level, event: "element", outcome, ..Record::default() })
        }
        Event::Retrying { what, kind, message, delay } => hint("retry", what, *kind, message, Some(delay)),
        Event::Paused { account, message, delay } => hint("pause", account, ErrorKind::Http(429), message, Some(delay)),
        Event::Refreshed { what, kind, message } => hint("refresh", what, *kind, message, None),
        Event::Refused { what, kind, message } => hint("refusal", what, *kind, message, None),
        Event::Pruned { what, when, bytes, dry_run } => {
            let (what, when) = (Some(what.as_str()), Some(when.as_str()));
            let record = Record { what, when, bytes: Some(*bytes), ..Record::default() };
            match dry_run {
                true => (Verbosity::Normal, Record { level: "info", event: "would_prune", ..record }),
                false => (Verbosity::Verbose, Record { level: "info", event: "pruned", ..record }),
            }
        }
        Event::Warned { what, message } => (Verbosity::Normal, said("warning", "warning", what, message)),
        Event::Ended(summary) => {
            let (least, level) = weight(summary.is_flawed());
            (least, Record { level, event: "summary", summary: Some(Totals::of(summary)), ..Record::default() })
        }
    }
}
