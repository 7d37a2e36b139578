//! What became of a run: the fold of its outcomes, why it ended, and its exit code.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::Serialize;

use super::{ElementOutcome, Status};
use crate::error::{ErrorKind, Failure, Subject};
use crate::exit;
use crate::manifest::Warning;

/// Why a run ended before its list did, or can't count as done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// A signal asked for it; its number.
    Signal(i32),
    /// Whoever read standard output went away.
    ReaderGone,
    /// The API refused the token or the subscription; in words.
    Refused(String),
    /// The token has several accounts, and none is named; in words.
    AccountNeeded(String),
    /// The run can't go on, since destination, API or report fail; in words.
    Broken(String),
    /// The API can't be reached, or does not tell what has to be known to go on: the kind of its failure, and in words.
    Unanswered(ErrorKind, String),
    /// Its time was up; what was in flight was finished.
    TimeUp,
    /// So many elements failed as were allowed; what was in flight was finished.
    TooManyErrors(u64),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(_) => f.write_str("interrupted: what was committed is whole; run again to go on"),
            Self::ReaderGone => f.write_str("the reader of the report went away"),
            Self::TimeUp => f.write_str("stopped: its time was up (--max-time); what was committed is whole"),
            Self::TooManyErrors(1) => f.write_str("stopped after 1 failure (--max-errors)"),
            Self::TooManyErrors(most) => write!(f, "stopped after {most} failures (--max-errors)"),
            Self::Refused(message)
            | Self::AccountNeeded(message)
            | Self::Broken(message)
            | Self::Unanswered(_, message) => f.write_str(message),
        }
    }
}

impl End {
    /// The end of a run whose standard output, or report, fails.
    pub fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Broken(error.to_string()),
        }
    }

    /// The end of a run that `failure` makes pointless: the API refuses the token or the subscription. Of any other
    /// failure `None`.
    pub(crate) fn refused(failure: &Failure) -> Option<Self> {
        let (what, to_do) = match failure.kind {
            // An asset's link is nothing that the token opens.
            ErrorKind::Http(_) if failure.asset.is_some() => return None,
            ErrorKind::Http(401) => ("the token", "check $USEAPI_TOKEN or --token-file"),
            ErrorKind::Http(402) => ("the subscription", "renew it at useapi.net"),
            _ => return None,
        };
        Some(Self::Refused(format!("the API refuses {what}: {}; {to_do}", failure.message)))
    }

    /// The end of a run for which the API can't be reached; `failure` is the last one met.
    pub(crate) fn unreachable(failure: &Failure) -> Self {
        Self::unanswered("the API can't be reached", failure)
    }

    /// The end of a run for which `what` can't be known or done, since the API failed so.
    pub(crate) fn unanswered(what: &str, failure: &Failure) -> Self {
        Self::Unanswered(failure.kind, format!("{what}: {}", failure.message))
    }

    /// Whether someone from outside broke the run off.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::ReaderGone)
    }

    /// Whether what is in flight is finished.
    pub(crate) fn lets_finish(&self) -> bool {
        matches!(self, Self::TimeUp | Self::TooManyErrors(_))
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Signal(number) => 128_u8.saturating_add(u8::try_from(*number).unwrap_or(0)),
            Self::ReaderGone => exit::READER_GONE,
            Self::Refused(_) => exit::REFUSED,
            Self::AccountNeeded(_) => exit::USAGE,
            Self::Broken(_) | Self::Unanswered(..) => exit::BROKEN,
            Self::TimeUp => exit::TIME_UP,
            Self::TooManyErrors(_) => exit::FLAWED,
        }
    }

    /// Where several apply, the one that comes first here gives the exit code.
    fn precedence(&self) -> u8 {
        match self {
            Self::AccountNeeded(_) => 0,
            Self::Signal(_) | Self::ReaderGone => 1,
            Self::Refused(_) => 2,
            Self::Broken(_) | Self::Unanswered(..) => 3,
            Self::TimeUp => 4,
            Self::TooManyErrors(_) => 5,
        }
    }
}

/// How many examples of each kind of failure are kept.
const EXAMPLES: usize = 5;

/// The failures of a kind, about elements or about their assets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureGroup {
    /// How many there are.
    pub count: u64,
    /// The names of the first five elements or lines that failed so.
    pub examples: Vec<String>,
    /// What was said about the first one.
    pub message: String,
}

/// Superseded versions that were removed, or in a dry run would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// How many.
    pub versions: u64,
    /// How many bytes their files have, those included that other versions share, which stay.
    pub bytes: u64,
    /// Whether this is a dry run, and they are all still there.
    pub dry_run: bool,
}

impl Pruned {
    /// Counts one more, of so many bytes.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.versions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts those of an element.
    pub(crate) fn extend(&mut self, other: Self) {
        self.versions += other.versions;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.dry_run |= other.dry_run;
    }
}

/// A run, folded from the outcomes of its elements.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// How many elements (and bad lines) ended in each status.
    pub counts: BTreeMap<Status, u64>,
    /// Elements that failed, are incomplete or damaged, by the failure's code and what it is about.
    pub failures: BTreeMap<(ErrorKind, Subject), FailureGroup>,
    /// How many assets were downloaded.
    pub downloaded: u64,
    /// How many bytes were downloaded.
    pub bytes: u64,
    /// Whether this was a repair.
    pub repair: bool,
    /// How many bytes of the mirror a verification read.
    pub read: Option<u64>,
    /// How many warnings about files there are.
    pub warnings: u64,
    /// The first of them: the file, and what looks odd about it.
    pub first_warning: Option<String>,
    /// Which superseded versions were pruned, where there are rules for that.
    pub pruned: Option<Pruned>,
    /// How many elements the gallery shows, where one was written.
    pub gallery: Option<u64>,
    /// How many elements are newly gone, where that is so many that it looks like a mistake.
    pub suspiciously_gone: u64,
    /// Whether failures of elements are left to the report, and the exit code is 0.
    pub partial_ok: bool,
    /// How many outcomes a person has something to do about; what is accepted is none.
    pub flawed: u64,
    /// How many accounts, pages or their items could not be listed.
    pub unlisted: u64,
    /// Elements that the lists name, as far as they were read, and that were not taken up.
    pub not_taken_up: u64,
    /// Why the run ended early, if it did; in the order in which that was said.
    pub ends: Vec<End>,
    /// How long the run took.
    pub elapsed: Duration,
}

impl Summary {
    /// The summary of a run that was ended before it had begun.
    pub fn ended(ends: Vec<End>) -> Self {
        Self { ends, ..Self::default() }
    }

    /// Takes one more outcome in.
    pub fn add(&mut self, outcome: &ElementOutcome) {
        *self.counts.entry(outcome.status).or_default() += 1;
        self.downloaded += outcome.downloaded.unwrap_or(0);
        self.bytes += outcome.bytes.unwrap_or(0);
        self.warnings += outcome.warnings.len() as u64;
        if let (None, Some(Warning { file, message, .. })) = (&self.first_warning, outcome.warnings.first()) {
            self.first_warning = Some(format!("{}/{file}: {message}", outcome.name()));
        }
        self.flawed += u64::from(outcome.is_flawed());
        if let Some(failure) = outcome.error.as_ref().filter(|_| !outcome.accepted) {
            self.unlisted += u64::from(outcome.id.is_none() && failure.kind != ErrorKind::BadLine);
            let group = self.failures.entry((failure.kind, failure.subject())).or_default();
            group.count += 1;
            if group.count == 1 {
                group.message.clone_from(&failure.message);
            }
            if group.examples.len() < EXAMPLES {
                group.examples.push(outcome.name().to_owned());
            }
        }
    }

    /// How many elements ended in `status`.
    pub fn count(&self, status: Status) -> u64 {
        self.counts.get(&status).copied().unwrap_or(0)
    }

    /// How many failures of each kind there are.
    pub fn errors(&self) -> BTreeMap<ErrorKind, u64> {
        let mut errors = BTreeMap::new();
        for (&(kind, _), group) in &self.failures {
            *errors.entry(kind).or_default() += group.count;
        }
        errors
    }

    /// How many elements (and bad lines) were taken up.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether there is something that a person should know, also where the exit code is 0.
    pub fn is_flawed(&self) -> bool {
        self.exit_code() != exit::DONE || self.flawed > 0 || self.suspiciously_gone > 0
    }

    /// The process' exit code.
    pub fn exit_code(&self) -> u8 {
        let end = self.ends.iter().min_by_key(|end| end.precedence());
        // With a list that could not be had nobody knows which elements were not taken up.
        let excused = self.partial_ok && self.unlisted == 0;
        let flawed = self.suspiciously_gone > 0 || self.flawed > 0;
        end.map_or(if flawed && !excused { exit::FLAWED } else { exit::DONE }, End::exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(statuses: &[Status], ends: &[End]) -> Summary {
        let mut summary = Summary { ends: ends.to_vec(), ..Summary::default() };
        for &status in statuses {
            summary.add(&ElementOutcome::new(None, status));
        }
        summary
    }

    #[test]
    fn what_is_mirrored_verified_gone_or_planned_is_success() {
        use Status::{Created, Gone, Ok, Repaired, Unchanged, Updated, WouldCreate, WouldUpdate};
        let fine = [Created, Updated, Unchanged, Gone, WouldCreate, WouldUpdate, Ok, Repaired];
        assert_eq!(summary(&fine, &[]).exit_code(), 0);
        assert_eq!(summary(&[], &[]).exit_code(), 0);
    }

    #[test]
    fn a_failed_incomplete_damaged_or_missing_element_is_3() {
        use Status::{Damaged, Failed, Incomplete, Missing, MissingManifest};
        for flawed in [Failed, Incomplete, Damaged, Missing, MissingManifest] {
            assert_eq!(summary(&[Status::Created, flawed], &[]).exit_code(), 3, "{}", flawed.as_str());
        }
        let gone = Summary { suspiciously_gone: 6, ..summary(&[Status::Gone], &[]) };
        assert_eq!(gone.exit_code(), 3);
    }

    #[test]
    fn where_several_ends_apply_usage_comes_before_interruption_refusal_and_breakage() {
        let broken = End::Broken(String::new());
        let refused = End::Refused(String::new());
        let needed = End::AccountNeeded(String::new());
        let failed = [Status::Failed];
        assert_eq!(summary(&failed, std::slice::from_ref(&broken)).exit_code(), 1);
        assert_eq!(summary(&failed, &[broken.clone(), refused.clone()]).exit_code(), 4);
        assert_eq!(summary(&failed, &[broken.clone(), refused.clone(), End::Signal(2)]).exit_code(), 130);
        assert_eq!(summary(&failed, &[broken.clone(), End::Signal(15)]).exit_code(), 143);
        assert_eq!(summary(&failed, &[broken, End::ReaderGone]).exit_code(), 141);
        assert_eq!(summary(&failed, &[refused, End::Signal(2), needed]).exit_code(), 2);
    }

    #[test]
    fn a_run_that_ends_in_time_is_6_or_3_and_anything_else_comes_before() {
        assert_eq!(summary(&[], &[End::TimeUp]).exit_code(), 6);
        assert_eq!(summary(&[Status::Failed], &[End::TooManyErrors(1)]).exit_code(), 3);
        assert_eq!(summary(&[], &[End::TooManyErrors(1), End::TimeUp]).exit_code(), 6);
        for (end, code) in [(End::Broken(String::new()), 1), (End::Refused(String::new()), 4), (End::Signal(15), 143)] {
            assert_eq!(summary(&[], &[End::TimeUp, end]).exit_code(), code);
        }
    }

    #[test]
    fn failures_are_excused_only_where_every_element_was_taken_up() {
        let excused = |summary: Summary| Summary { partial_ok: true, ..summary }.exit_code();
        assert_eq!(excused(summary(&[Status::Failed, Status::Incomplete], &[])), 0);
        assert_eq!(excused(summary(&[Status::Failed], &[End::TooManyErrors(1)])), 3);
        assert_eq!(excused(summary(&[], &[End::TimeUp])), 6);
        let mut unlisted = Summary::default();
        let failure = Failure::new(ErrorKind::AccountBroken, "its session is broken");
        unlisted.add(&ElementOutcome::unlisted("list a@b.c page 1".into(), "a@b.c".into(), failure));
        assert_eq!(excused(unlisted), 3);
    }

    #[test]
    fn what_is_accepted_is_no_failure() {
        let gap = Some(Failure::new(ErrorKind::Http(404), "no"));
        let known = ElementOutcome { accepted: true, error: gap, ..ElementOutcome::new(None, Status::Incomplete) };
        let mut summary = Summary::default();
        summary.add(&known);
        // Unless it fails afterwards.
        let failure = Failure::new(ErrorKind::Io, "prune its history: Input/output error");
        let failed = ElementOutcome { status: Status::Failed, ..known }.with_failure(failure);
        assert!(failed.is_flawed());
        assert_eq!((summary.exit_code(), summary.count(Status::Incomplete), summary.failures.len()), (0, 1, 0));
    }

    #[test]
    fn failures_of_a_kind_are_counted_together_and_grouped_by_what_they_are_about() {
        let mut summary = Summary::default();
        let refused = || Failure::new(ErrorKind::Http(403), "no");
        // A file that can't be written is none of the CDN's business.
        let full = Failure::new(ErrorKind::DiskFull, "no space");
        for failure in [refused(), refused().of_asset("cover.jpg"), full.clone(), full.of_asset("cover.jpg")] {
            summary.add(&ElementOutcome::new(None, Status::Failed).with_failure(failure));
        }
        let groups: Vec<_> = summary.failures.iter().map(|(&what, group)| (what, group.count)).collect();
        assert_eq!(
            groups,
            [
                ((ErrorKind::Http(403), Subject::Element), 1),
                ((ErrorKind::Http(403), Subject::Asset), 1),
                ((ErrorKind::DiskFull, Subject::Element), 2),
            ]
        );
        assert_eq!(summary.errors(), BTreeMap::from([(ErrorKind::Http(403), 2), (ErrorKind::DiskFull, 2)]));
    }

    #[test]
    fn failures_are_grouped_with_examples() {
        let mut summary = Summary::default();
        for line in 1..=3 {
            summary.add(&ElementOutcome::bad_line(format!("ids.txt:{line}"), format!("line {line}")));
        }
        let group = &summary.failures[&(ErrorKind::BadLine, Subject::Element)];
        assert_eq!((group.count, group.message.as_str()), (3, "line 1"));
        assert_eq!(group.examples, ["ids.txt:1", "ids.txt:2", "ids.txt:3"]);
    }
}
