//! What the repair of an element came to: decided here, by a pure function, from what was known of it at each step.

use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, Stands, Status};

/// What is known of an element that was sent to be fetched.
pub(super) struct Repaired {
    /// What it was found to be before.
    pub(super) before: ElementOutcome,
    /// What the run that fetched says of it.
    pub(super) fetched: ElementOutcome,
    /// What it was found to be after that; none where the end of the run left no time to look.
    pub(super) now: Option<ElementOutcome>,
    /// Whether superseded versions are asked about too, of which the run that fetched knows nothing.
    pub(super) history: bool,
}

impl Repaired {
    /// What is told of it.
    pub(super) fn verdict(self) -> ElementOutcome {
        let Self { before, fetched, now, history } = self;
        let (downloaded, bytes) = (fetched.downloaded.or(Some(0)), fetched.bytes.or(Some(0)));
        let (attempts, elapsed_ms) = (fetched.attempts, fetched.elapsed_ms);
        let with_cost = |outcome| ElementOutcome { downloaded, bytes, attempts, elapsed_ms, ..outcome };
        let is_done = fetched.error.is_none() && fetched.status != Status::Gone;
        // What fails here fails the element, whatever can be read of it now: it may not have reached the disk.
        if let Some(failure) = fetched.error.as_ref().filter(|failure| failure.kind.is_on_this_side()) {
            let error = Some(failure.clone());
            return with_cost(ElementOutcome { status: Status::Failed, error, ..now.unwrap_or(before) });
        }
        match now {
            Some(now) if now.status == Status::Ok => {
                // An element of which no version was there, and of which not all could be had, is no success.
                let in_part = fetched.status == Status::Incomplete && before.stands == Stands::None;
                let status = if in_part { Status::Incomplete } else { Status::Repaired };
                with_cost(ElementOutcome { status, error: fetched.error.filter(|_| in_part), ..now })
            }
            Some(now) if now.status == Status::Failed || is_done => with_cost(now),
            Some(now) => with_cost(with_cause(now, fetched)),
            None if is_done && !history => with_cost(ElementOutcome { status: Status::Repaired, ..fetched }),
            None if is_done => {
                let message = "the run ended before its superseded versions were looked at";
                let error = Some(Failure::new(ErrorKind::Interrupted, message));
                with_cost(ElementOutcome { status: Status::Failed, error, ..fetched })
            }
            None => with_cost(with_cause(before, fetched)),
        }
    }
}

/// `found`, and why it could not be made good.
fn with_cause(found: ElementOutcome, fetched: ElementOutcome) -> ElementOutcome {
    let gone = || Failure::new(ErrorKind::NotFound, "the API does not know the element any more");
    let cause = fetched.error.unwrap_or_else(gone);
    let message = match found.error.as_ref().filter(|_| found.status != Status::Missing) {
        Some(flaws) => format!("{}; {}", cause.message, flaws.message),
        None => cause.message,
    };
    ElementOutcome { error: Some(Failure { message, ..cause }), ..found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn outcome(status: Status, kind: Option<ErrorKind>) -> ElementOutcome {
        let error = kind.map(|kind| Failure::new(kind, format!("{kind} said")));
        let stands = if status == Status::Damaged { Stands::Incomplete } else { Stands::None };
        ElementOutcome { error, stands, ..ElementOutcome::new(Some("u_1".parse().unwrap()), status) }
    }

    const DAMAGED: (Status, Option<ErrorKind>) = (Status::Damaged, Some(ErrorKind::Damaged));
    const MISSING: (Status, Option<ErrorKind>) = (Status::Missing, Some(ErrorKind::Missing));
    const OK: Option<(Status, Option<ErrorKind>)> = Some((Status::Ok, None));
    const REFUSED: (Status, Option<ErrorKind>) = (Status::Failed, Some(ErrorKind::Http(404)));
    const CUT_OFF: (Status, Option<ErrorKind>) = (Status::Failed, Some(ErrorKind::Interrupted));

    #[rstest]
    #[case::made_good(DAMAGED, (Status::Updated, None), OK, (Status::Repaired, None))]
    #[case::not_flushed(DAMAGED, (Status::Failed, Some(ErrorKind::Io)), OK, (Status::Failed, Some(ErrorKind::Io)))]
    #[case::cut_off(DAMAGED, CUT_OFF, Some(DAMAGED), CUT_OFF)]
    #[case::refused(DAMAGED, REFUSED, Some(DAMAGED), (Status::Damaged, Some(ErrorKind::Http(404))))]
    #[case::gone(DAMAGED, (Status::Gone, None), Some(DAMAGED), (Status::Damaged, Some(ErrorKind::NotFound)))]
    #[case::history_is_left(DAMAGED, (Status::Updated, None), Some(DAMAGED), DAMAGED)]
    #[case::missing_in_part(MISSING, (Status::Incomplete, Some(ErrorKind::Timeout)), OK, (Status::Incomplete, Some(ErrorKind::Timeout)))]
    #[case::damaged_and_incomplete_as_before(DAMAGED, (Status::Incomplete, Some(ErrorKind::Timeout)), OK, (Status::Repaired, None))]
    #[case::still_missing(MISSING, REFUSED, Some(MISSING), (Status::Missing, Some(ErrorKind::Http(404))))]
    #[case::no_time_to_look(DAMAGED, (Status::Updated, None), None, (Status::Repaired, None))]
    #[case::no_time_and_refused(DAMAGED, REFUSED, None, (Status::Damaged, Some(ErrorKind::Http(404))))]
    fn the_verdict_is_this_table(
        #[case] before: (Status, Option<ErrorKind>),
        #[case] fetched: (Status, Option<ErrorKind>),
        #[case] now: Option<(Status, Option<ErrorKind>)>,
        #[case] expected: (Status, Option<ErrorKind>),
    ) {
        let repaired = Repaired {
            before: outcome(before.0, before.1),
            fetched: outcome(fetched.0, fetched.1),
            now: now.map(|(status, kind)| outcome(status, kind)),
            history: false,
        };
        let verdict = repaired.verdict();
        assert_eq!((verdict.status, verdict.error.map(|failure| failure.kind)), expected);
    }

    #[test]
    fn without_time_to_look_at_history_nothing_is_called_repaired() {
        let (before, fetched) = (outcome(DAMAGED.0, DAMAGED.1), outcome(Status::Updated, None));
        let verdict = Repaired { before, fetched, now: None, history: true }.verdict();
        assert_eq!((verdict.status, verdict.error.map(|failure| failure.kind)), CUT_OFF);
    }

    #[test]
    fn why_it_could_not_be_made_good_is_said_beside_what_is_wrong() {
        let (before, fetched) = (outcome(DAMAGED.0, DAMAGED.1), outcome(REFUSED.0, REFUSED.1));
        let verdict = Repaired { now: Some(before.clone()), before, fetched, history: false }.verdict();
        assert_eq!(verdict.error.unwrap().message, "http_404 said; damaged said");
    }
}
