//! Watches a run's outcomes: folds them, and sees when going on makes no sense.

use super::gone::Gone;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, End, Status, Summary};
use crate::time::Time;

/// So many elements in a row that the API did not answer for: it is down.
const UNREACHABLE: u64 = 5;
/// So many elements in a row that failed at the destination: it is full or broken.
const FAILING: u64 = 3;

/// The fold of a run.
#[derive(Debug, Default)]
pub(super) struct Watch {
    summary: Summary,
    gone: Gone,
    unreachable_in_row: u64,
    failing_in_row: u64,
    last_failure: Option<Failure>,
}

impl Watch {
    /// Takes an outcome in; says why the run must end, where it must.
    pub(super) fn add(&mut self, account: Option<&str>, outcome: &ElementOutcome) -> Option<End> {
        self.summary.add(outcome);
        // A bad line says nothing about API and destination.
        outcome.id.as_ref()?;
        let known = !matches!(outcome.status, Status::Failed | Status::Gone);
        self.gone.asked(account, known);
        let failure = outcome.error.as_ref().filter(|_| outcome.status == Status::Failed);
        let Some(failure) = failure else {
            (self.unreachable_in_row, self.failing_in_row) = (0, 0);
            return None;
        };
        self.last_failure = Some(failure.clone());
        self.judge(failure)
    }

    fn judge(&mut self, failure: &Failure) -> Option<End> {
        let of_api = failure.asset.is_none();
        match failure.kind {
            ErrorKind::Http(401) if of_api => {
                let message = &failure.message;
                let sentence = format!("the API refuses the token: {message}; check $USEAPI_TOKEN or --token-file");
                return Some(End::Refused(sentence));
            }
            ErrorKind::Http(402) if of_api => {
                let message = &failure.message;
                let sentence = format!("the API refuses the subscription: {message}; renew it at useapi.net");
                return Some(End::Refused(sentence));
            }
            _ => {}
        }
        if failure.kind == ErrorKind::Interrupted {
            return None;
        }
        let unreachable = of_api && is_unreachable(failure.kind);
        self.unreachable_in_row = if unreachable { self.unreachable_in_row + 1 } else { 0 };
        let failing = matches!(failure.kind, ErrorKind::DiskFull | ErrorKind::Io);
        self.failing_in_row = if failing { self.failing_in_row + 1 } else { 0 };
        if self.unreachable_in_row >= UNREACHABLE {
            return Some(unreachable_end(failure));
        }
        let message = || format!("{FAILING} elements in a row failed at the destination: {}", failure.message);
        (self.failing_in_row >= FAILING).then(|| End::Broken(message()))
    }

    /// An element that was not noted as gone is.
    pub(super) fn newly(&mut self, account: Option<&str>, id: ElementId, since: Time) {
        self.gone.newly(account, id, since);
    }

    /// The end of a run whose few elements all failed since the API was down.
    pub(super) fn unreachable(&self) -> Option<End> {
        let all = self.unreachable_in_row > 0 && self.unreachable_in_row == self.summary.count(Status::Failed);
        let only = self.summary.total() == self.summary.count(Status::Failed);
        let few = self.unreachable_in_row < UNREACHABLE;
        self.last_failure.as_ref().filter(|_| all && only && few).map(unreachable_end)
    }

    /// What is newly gone.
    pub(super) fn newly_gone(&mut self) -> Vec<(ElementId, Time)> {
        self.gone.take()
    }

    /// The summary of what was taken in.
    pub(super) fn conclude(&mut self) -> Summary {
        self.summary.suspiciously_gone = self.gone.suspicious();
        self.summary.clone()
    }
}

fn is_unreachable(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Http(status) => status >= 500,
        kind => matches!(kind, ErrorKind::Connect | ErrorKind::Dns | ErrorKind::Tls | ErrorKind::Timeout),
    }
}

fn unreachable_end(failure: &Failure) -> End {
    End::Broken(format!("the API can't be reached: {}", failure.message))
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
        kinds.iter().position(|&kind| watch.add(None, &outcome(kind)).is_some())
    }

    #[test]
    fn five_in_a_row_without_an_answer_end_the_run() {
        let down = Some(ErrorKind::Connect);
        assert_eq!(ends_after(&[down, Some(ErrorKind::Http(503)), down, down, down, down]), Some(4));
        assert_eq!(ends_after(&[down, down, down, down, None, down, down, down, down]), None);
        assert_eq!(ends_after(&[down, down, down, down, Some(ErrorKind::NotFound), down]), None);
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
        assert_eq!(watch.add(None, &refused), None);
    }

    #[test]
    fn a_short_list_without_any_answer_is_a_run_that_could_not_be_done() {
        let mut watch = Watch::default();
        watch.add(None, &outcome(Some(ErrorKind::Dns)));
        assert!(matches!(watch.unreachable(), Some(End::Broken(_))));
        watch.add(None, &outcome(None));
        assert_eq!(watch.unreachable(), None);
    }
}
