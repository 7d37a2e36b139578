//! Watches a run's outcomes: folds them into the summary, and sees when it makes no sense to go on.

use std::time::Duration;

use tokio::time::Instant;

use super::Accepts;
use super::gone::Gone;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, End, Pruned, Status, Summary};
use crate::time::Time;

/// After so many elements in a row without an answer the API counts as down, where it never answered, or not for
/// [`AWAY`].
const UNREACHABLE: u64 = 5;
/// How long an API that did answer may be away before it counts as down.
const AWAY: Duration = Duration::from_secs(120);
/// After so many elements in a row that failed at the destination, that counts as full or broken.
const FAILING: u64 = 3;

/// The fold of a run.
#[derive(Debug, Default)]
pub(super) struct Watch {
    summary: Summary,
    gone: Gone,
    /// Elements taken in; bad lines are none.
    elements: u64,
    /// Whether the API answered for any of them.
    answered: bool,
    unreachable_in_row: u64,
    /// When the first of the row failed.
    away_since: Option<Instant>,
    failing_in_row: u64,
    last_failure: Option<Failure>,
    /// How many failures end the run.
    max_errors: Option<u64>,
}

impl Watch {
    /// The fold of a run that so many failures end.
    pub(super) fn new(max_errors: Option<u64>) -> Self {
        Self { max_errors, ..Self::default() }
    }

    /// Takes an outcome in; says why the run must end, where it must.
    pub(super) fn add(&mut self, outcome: &ElementOutcome) -> Option<End> {
        self.summary.add(outcome);
        let failed = self.summary.count(Status::Failed);
        let too_many = self.max_errors.filter(|_| outcome.status == Status::Failed).filter(|&max| failed >= max);
        self.weigh(outcome).or(too_many.map(End::TooManyErrors))
    }

    fn weigh(&mut self, outcome: &ElementOutcome) -> Option<End> {
        let failure = outcome.error.as_ref().filter(|_| outcome.status == Status::Failed);
        if outcome.id.is_none() {
            // A bad line says nothing about API and destination, and a page that can't be had is for the census to
            // weigh.
            return failure.and_then(End::refused);
        }
        self.elements += 1;
        let Some(failure) = failure else {
            self.reached();
            self.failing_in_row = 0;
            return None;
        };
        self.last_failure = Some(failure.clone());
        self.judge(failure)
    }

    fn judge(&mut self, failure: &Failure) -> Option<End> {
        let of_api = failure.asset.is_none();
        if let Some(end) = End::refused(failure) {
            return Some(end);
        }
        if failure.kind == ErrorKind::Interrupted {
            return None;
        }
        self.count_unreachable(of_api && failure.kind.is_unreachable());
        let failing = matches!(failure.kind, ErrorKind::DiskFull | ErrorKind::Io);
        self.failing_in_row = if failing { self.failing_in_row + 1 } else { 0 };
        if self.unreachable_in_row >= UNREACHABLE && self.is_away() {
            return Some(End::unreachable(failure));
        }
        let message = || format!("{FAILING} elements in a row could not be written: {}", failure.message);
        (self.failing_in_row >= FAILING).then(|| End::Broken(message()))
    }

    /// The API was asked for an element of `account`, and knew it or not. (The element's outcome may come much later.)
    pub(super) fn asked(&mut self, account: Option<&str>, known: bool) {
        self.gone.asked(account, known);
        if known {
            self.reached();
        }
    }

    fn reached(&mut self) {
        self.answered = true;
        self.unreachable_in_row = 0;
    }

    fn count_unreachable(&mut self, unreachable: bool) {
        if !unreachable {
            return self.reached();
        }
        self.unreachable_in_row += 1;
        if self.unreachable_in_row == 1 {
            self.away_since = Some(Instant::now());
        }
    }

    fn is_away(&self) -> bool {
        !self.answered || self.away_since.is_some_and(|since| since.elapsed() >= AWAY)
    }

    /// Whether the last elements failed at the destination, so many that it is full or broken.
    pub(super) fn is_destination_failing(&self) -> bool {
        self.failing_in_row >= FAILING
    }

    /// Superseded versions were pruned.
    pub(super) fn pruned(&mut self, pruned: Pruned) {
        self.summary.pruned.get_or_insert_default().extend(pruned);
    }

    /// An element that was not noted as gone is.
    pub(super) fn add_newly_gone(&mut self, account: Option<&str>, id: ElementId, since: Time) {
        self.gone.add(account, id, since);
    }

    /// The end of a run whose few elements all failed since the API was down.
    pub(super) fn unreachable(&self) -> Option<End> {
        let all = self.unreachable_in_row > 0 && self.unreachable_in_row == self.elements;
        let few = self.unreachable_in_row < UNREACHABLE;
        self.last_failure.as_ref().filter(|_| all && few).map(End::unreachable)
    }

    /// Whether the API answered for any element.
    pub(super) fn was_reached(&self) -> bool {
        self.answered
    }

    /// What is newly gone.
    pub(super) fn take_newly_gone(&mut self) -> Vec<(ElementId, Time)> {
        self.gone.take()
    }

    /// The summary of what was taken in.
    pub(super) fn conclude(&mut self, accepts: &Accepts) -> Summary {
        self.summary.suspiciously_gone = if accepts.gone { 0 } else { self.gone.suspicious() };
        self.summary.partial_ok = accepts.partial;
        self.summary.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(kind: Option<ErrorKind>) -> ElementOutcome {
        let status = if kind.is_some() { Status::Failed } else { Status::Unchanged };
        let error = kind.map(|kind| Failure::new(kind, "words"));
        ElementOutcome { error, ..ElementOutcome::new(Some("u_1".parse().unwrap()), status) }
    }

    fn ends_after(kinds: &[Option<ErrorKind>]) -> Option<usize> {
        let mut watch = Watch::default();
        kinds.iter().position(|&kind| watch.add(&outcome(kind)).is_some())
    }

    #[test]
    fn five_in_a_row_without_an_answer_end_the_run() {
        let down = Some(ErrorKind::Connect);
        assert_eq!(ends_after(&[down, Some(ErrorKind::Http(503)), down, down, down, down]), Some(4));
        assert_eq!(ends_after(&[down, down, down, down, None, down, down, down, down]), None);
        assert_eq!(ends_after(&[down, down, down, down, Some(ErrorKind::NotFound), down]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_that_answered_has_to_be_away_for_minutes() {
        let (mut watch, down) = (Watch::default(), outcome(Some(ErrorKind::Connect)));
        watch.add(&outcome(None));
        assert!((0..20).all(|_| watch.add(&down).is_none()));
        tokio::time::advance(AWAY).await;
        assert!(matches!(watch.add(&down), Some(End::Unanswered(..))));
        watch.add(&outcome(Some(ErrorKind::NotFound)));
        assert!((0..20).all(|_| watch.add(&down).is_none()));
    }

    #[test]
    fn three_in_a_row_at_the_destination_end_the_run() {
        let full = Some(ErrorKind::DiskFull);
        assert_eq!(ends_after(&[full, Some(ErrorKind::Io), full]), Some(2));
        assert_eq!(ends_after(&[full, full, None, full, full]), None);
    }

    #[test]
    fn a_refused_token_ends_the_run_at_once_but_a_refused_asset_does_not() {
        assert_eq!(ends_after(&[Some(ErrorKind::Http(401))]), Some(0));
        let mut watch = Watch::default();
        let error = Some(Failure::new(ErrorKind::Http(401), "no").of_asset("cover.jpg"));
        let refused = ElementOutcome { error, ..outcome(Some(ErrorKind::Http(401))) };
        assert_eq!(watch.add(&refused), None);
    }

    #[test]
    fn a_short_list_without_any_answer_is_a_run_that_could_not_be_done() {
        let mut watch = Watch::default();
        watch.add(&outcome(Some(ErrorKind::Dns)));
        watch.add(&ElementOutcome::bad_line("ids.txt:2".into(), "no ID".into()));
        assert!(matches!(watch.unreachable(), Some(End::Unanswered(..))));
        watch.add(&outcome(None));
        assert_eq!(watch.unreachable(), None);
    }
}
