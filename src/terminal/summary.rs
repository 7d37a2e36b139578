//! The last words of a run: what happened, and what to do next.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use element_mirror::error::{ErrorKind, Subject};
use element_mirror::outcome::{End, FailureGroup, Pruned, Status, Summary};
use element_mirror::store::GALLERY;
use element_mirror::text::printable;
use indicatif::BinaryBytes;

use super::{Paint, hint, place};

/// How many kinds of failures are told, in three lines each: more do not fit a screen.
const MOST_KINDS: usize = 7;

/// How many characters of a failure's words are told; the report has all.
const MOST_WORDS: usize = 140;

/// What the last words are about.
pub(super) struct LastWords<'a> {
    pub(super) summary: &'a Summary,
    pub(super) destination: Option<&'a Path>,
    /// The options given that leave elements out.
    pub(super) leaving_out: &'a [&'static str],
    pub(super) paint: &'a Paint,
}

impl LastWords<'_> {
    /// The words, a few lines of them.
    pub(super) fn tell(&self) -> String {
        let Self { summary, paint, .. } = self;
        let ends = summary.ends.iter().map(|end| self.end(end));
        if self.could_not_begin() {
            return ends.collect::<Vec<_>>().join("\n");
        }
        let mut lines = self.counts();
        // What an end says already, or what it cut off, is no failure to tell of by itself.
        let by_itself = |kind: ErrorKind, group: &FailureGroup| {
            kind != ErrorKind::Interrupted && !summary.ends.iter().any(|end| is_about(end, group))
        };
        let mut groups: Vec<_> = summary.failures.iter().filter(|((kind, _), group)| by_itself(*kind, group)).collect();
        // First what ails the mirror or an account as a whole, then what ails many.
        groups.sort_by_key(|((kind, _), group)| (!ails_more_than_one(*kind), Reverse(group.count)));
        lines.extend(groups.iter().take(MOST_KINDS).map(|(what, group)| self.failures(**what, group)));
        lines.extend(untold(groups.get(MOST_KINDS..).unwrap_or_default()));
        if summary.suspiciously_gone > 0 {
            let head = paint.bad.apply_to(format!("{} elements are gone at once", summary.suspiciously_gone));
            lines.push(format!("{head}: is it the right account? None of them was noted as gone; their folders stay."));
            lines.push(self.hint("if they are meant to be gone, --accept-gone notes them"));
        }
        lines.extend(ends);
        if let Some(destination) = self.destination.filter(|_| summary.total() > 0) {
            lines.push(paint.dim.apply_to(format!("mirror: {}", destination.display())).to_string());
            let gallery =
                summary.gallery.map(|_| paint.dim.apply_to(format!("gallery: {}", self.gallery())).to_string());
            lines.extend(gallery);
        }
        lines.join("\n")
    }

    /// Whether the API let nothing begin, so that there is nothing to say but that.
    fn could_not_begin(&self) -> bool {
        let nothing_done = self.summary.count(Status::Failed) == self.summary.total();
        let refused = |end: &End| matches!(end, End::Refused(_) | End::AccountNeeded(_));
        nothing_done && self.summary.ends.iter().any(refused)
    }

    /// Why the run ended early, and what to do about it.
    fn end(&self, end: &End) -> String {
        let bad = &self.paint.bad;
        let told = match end {
            End::Refused(_) | End::AccountNeeded(_) | End::Broken(_) | End::Unanswered(..) => {
                format!("{} {end}", bad.apply_to("error:"))
            }
            End::Signal(_) => self.paint.odd.apply_to(end).to_string(),
            _ => bad.apply_to(end).to_string(),
        };
        let group = self.summary.failures.iter().find(|(_, group)| is_about(end, group));
        let of_group = group.and_then(|(&(kind, subject), _)| hint::of_failures(kind, subject, self.summary.repair));
        match of_group.or_else(|| hint::of_end(end)) {
            Some(hint) => format!("{told}\n{}", self.hint(hint)),
            None => told,
        }
    }

    /// What came of it, in numbers.
    fn counts(&self) -> Vec<String> {
        let Self { summary, paint, .. } = self;
        if summary.total() == 0 {
            return vec![self.without_elements()];
        }
        let count = |(status, count): (&Status, &u64)| {
            let style = if status.is_flawed() { &paint.bad } else { &paint.good };
            style.apply_to(format!("{count} {}", status.as_str().replace('_', " "))).to_string()
        };
        let cut_off = summary.errors().get(&ErrorKind::Interrupted).copied().unwrap_or(0);
        let mut by_status = summary.counts.clone();
        // What was cut off has not failed by itself.
        by_status.entry(Status::Failed).and_modify(|failed| *failed = failed.saturating_sub(cut_off));
        let mut counts: Vec<String> = by_status.iter().filter(|(_, count)| **count > 0).map(count).collect();
        if cut_off > 0 {
            counts.push(paint.odd.apply_to(format!("{cut_off} cut off")).to_string());
        }
        let (total, elapsed) = (elements(summary.total()), time(summary.elapsed));
        let mut lines = vec![format!("{total} in {elapsed}: {}", counts.join(", "))];
        let amount = |bytes: u64| {
            let rate = bytes as f64 / summary.elapsed.as_secs_f64().max(0.001);
            format!("{} at {}/s", BinaryBytes(bytes), BinaryBytes(rate as u64))
        };
        if summary.downloaded > 0 {
            lines.push(format!("downloaded: {}, {}", files(summary.downloaded), amount(summary.bytes)));
        }
        if let Some(read) = summary.read.filter(|read| *read > 0) {
            lines.push(format!("read: {}", amount(read)));
        }
        lines.extend(summary.pruned.filter(|pruned| pruned.versions > 0).map(versions));
        lines.extend(self.warnings());
        if summary.not_taken_up > 0 && !summary.ends.is_empty() {
            lines.push(format!("not taken up: {}", elements(summary.not_taken_up)));
        }
        lines
    }

    /// How many warnings about files there are, and one of them.
    fn warnings(&self) -> Option<String> {
        let (count, first) = (self.summary.warnings, self.summary.first_warning.as_ref()?);
        let (warnings, first) = (counted(count, "warning"), printable(first, MOST_WORDS));
        Some(match count {
            1 => format!("{warnings} about a file: {first}"),
            _ => format!("{warnings} about files, such as {first} (--report tells each)"),
        })
    }

    /// What came of it where no element was taken up, as none is where only a gallery is written, or versions are
    /// pruned.
    fn without_elements(&self) -> String {
        let elapsed = time(self.summary.elapsed);
        match (self.summary.gallery, self.summary.pruned) {
            (Some(shown), _) => format!("{}: {} in {elapsed}", self.gallery(), elements(shown)),
            (None, Some(pruned)) => format!("{} in {elapsed}", versions(pruned)),
            (None, None) if self.summary.ends.is_empty() => self.nothing_to_do(),
            (None, None) => "nothing was done".to_owned(),
        }
    }

    /// Why nothing was taken up.
    fn nothing_to_do(&self) -> String {
        let why = match self.leaving_out {
            [] => "there are no elements".to_owned(),
            [option] => format!("{option} leaves no elements"),
            [first @ .., last] => format!("{} and {last} leave no elements", first.join(", ")),
        };
        format!("nothing to do: {why}")
    }

    /// The path of the gallery.
    fn gallery(&self) -> String {
        self.destination.unwrap_or(Path::new("")).join(GALLERY).display().to_string()
    }

    /// A kind of failure: how many, in whose words, which, and what to do about it.
    fn failures(&self, (kind, subject): (ErrorKind, Subject), group: &FailureGroup) -> String {
        let FailureGroup { count, examples, message, .. } = group;
        let head = self.paint.bad.apply_to(kind);
        let mut names = examples.iter().map(|name| place(name)).collect::<Vec<_>>().join(", ");
        if *count > examples.len() as u64 {
            names += &format!(" and {} more", count - examples.len() as u64);
        }
        let told = format!("{head} ({count}): {}\n    {names}", printable(message, MOST_WORDS));
        match hint::of_failures(kind, subject, self.summary.repair) {
            Some(hint) => format!("{told}\n{}", self.hint(hint)),
            None => told,
        }
    }

    fn hint(&self, hint: &str) -> String {
        self.paint.dim.apply_to(format!("    →  {hint}")).to_string()
    }
}

/// Whether the failures of a group are what the run ended for.
fn is_about(end: &End, group: &FailureGroup) -> bool {
    end.to_string().contains(&group.message)
}

fn ails_more_than_one(kind: ErrorKind) -> bool {
    kind.is_local() || kind == ErrorKind::AccountBroken
}

/// A line that names the kinds of failures that are not told, where there are any.
fn untold(groups: &[(&(ErrorKind, Subject), &FailureGroup)]) -> Option<String> {
    let kinds: Vec<String> = groups.iter().map(|((kind, _), group)| format!("{kind} ({})", group.count)).collect();
    (!kinds.is_empty()).then(|| format!("and {}: --report tells each", kinds.join(", ")))
}

/// How many versions were pruned, in words.
fn versions(Pruned { versions, bytes, dry_run, .. }: Pruned) -> String {
    let what = if dry_run { "would prune" } else { "pruned" };
    let bytes = if versions == 0 { String::new() } else { format!(", {}", BinaryBytes(bytes)) };
    format!("{what} {}{bytes}", counted(versions, "version"))
}

fn elements(count: u64) -> String {
    counted(count, "element")
}

/// How long something took, to a person.
pub(super) fn time(time: Duration) -> String {
    let (seconds, minutes, hours) = (time.as_secs(), time.as_secs() / 60, time.as_secs() / 3600);
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

/// A number of files, in words.
pub(super) fn files(count: u64) -> String {
    counted(count, "file")
}

pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
