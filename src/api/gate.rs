//! An account's gate: shut for a while by a 429, for all requests of the account, and for good by a broken session.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ErrorKind, Failure};
use crate::http::retry::{MAX_ASKED, sleep};

/// So many pauses in a row, with no other answer between, end the account.
const MAX_PAUSES: u32 = 6;

/// What an account's requests have met with.
#[derive(Debug, Default)]
struct State {
    /// When the last pause is over.
    opens_at: Option<Instant>,
    /// Counts the pauses, so that a 429 for a request of before a pause is no further one.
    generation: u64,
    pauses_in_row: u32,
    /// What requests fail with, once the gate is shut for good.
    dead: Option<Failure>,
}

/// The gate of one account.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

/// A way through a gate that is open: a request goes it, and then tells it what the answer was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage<'a> {
    gate: &'a Gate,
    generation: u64,
}

/// What a 429 came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// The gate is shut for so long.
    For(Duration),
    /// Another request had shut it already, for as long: that is one pause.
    Already,
    /// It was one pause too many; why the account's other elements fail.
    ForGood(Failure),
}

/// What is seen of a gate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look<'a> {
    /// It is open.
    Open(Passage<'a>),
    /// It stays shut for so long.
    Shut(Duration),
}

impl Gate {
    /// Waits until the gate is open.
    ///
    /// # Errors
    /// It is shut for good.
    pub(super) async fn wait(&self) -> Result<(), Failure> {
        while let Look::Shut(wait) = self.look()? {
            sleep(wait).await;
        }
        Ok(())
    }

    /// Whether the gate is open.
    ///
    /// # Errors
    /// It is shut for good.
    pub(super) fn look(&self) -> Result<Look<'_>, Failure> {
        let state = self.state();
        if let Some(failure) = &state.dead {
            return Err(failure.clone());
        }
        let shut = state.opens_at.map(|at| at.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero());
        let open = Look::Open(Passage { gate: self, generation: state.generation });
        Ok(shut.map_or(open, Look::Shut))
    }

    // The state is whole after any panic: no call leaves it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage<'_> {
    /// The request was answered by a 429: shuts the gate for as long as its `retry_after` says, or where it named no
    /// time, for a second, two, four… A pause that another request began meanwhile is not begun again, but can
    /// become longer.
    pub(super) fn shut(self, retry_after: Option<Duration>) -> Shut {
        let mut state = self.gate.state();
        if state.generation != self.generation {
            let retry_after = retry_after.unwrap_or_default().min(MAX_ASKED);
            let until = Some(Instant::now() + retry_after);
            if retry_after.is_zero() || state.opens_at >= until {
                return Shut::Already;
            }
            state.opens_at = until;
            return Shut::For(retry_after);
        }
        state.generation += 1;
        state.pauses_in_row += 1;
        if state.pauses_in_row >= MAX_PAUSES {
            let message = format!("the API asked {MAX_PAUSES} times in a row to wait (429)");
            return Shut::ForGood(state.dead.get_or_insert(Failure::new(ErrorKind::Http(429), message)).clone());
        }
        // At most 16 seconds: the pause after that ends the account.
        let own = Duration::from_secs(1 << (state.pauses_in_row - 1));
        // "At once" is what a clock that goes wrong makes of a date; taken at its word it would only use up the pauses.
        let retry_after = retry_after.map(|wait| if wait.is_zero() { Duration::from_secs(1) } else { wait });
        let delay = retry_after.unwrap_or(own).min(MAX_ASKED);
        state.opens_at = Some(Instant::now() + delay);
        Shut::For(delay)
    }

    /// The request was answered, and not with the plea to come again later.
    pub(super) fn answered(self) {
        self.gate.state().pauses_in_row = 0;
    }

    /// The account is broken: `failure` is what its other elements fail with. Whether that is news.
    pub(super) fn close_for_good(self, failure: Failure) -> bool {
        self.gate.state().dead.replace(failure).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way through the gate, once it is open.
    async fn pass(gate: &Gate) -> Result<Passage<'_>, Failure> {
        gate.wait().await?;
        match gate.look()? {
            Look::Open(passage) => Ok(passage),
            Look::Shut(wait) => panic!("shut for {wait:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_lasts_as_long_as_asked_and_no_longer_than_five_minutes() {
        for (retry_after, expected) in [(7, 7), (100_000, 300), (0, 1)] {
            let gate = Gate::default();
            let passage = pass(&gate).await.unwrap();
            assert_eq!(passage.shut(Some(Duration::from_secs(retry_after))), Shut::For(Duration::from_secs(expected)));
            let start = Instant::now();
            pass(&gate).await.unwrap();
            assert_eq!(start.elapsed().as_secs(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_the_pause_doubles_and_six_in_a_row_end_the_account() {
        let gate = Gate::default();
        let mut pauses = Vec::new();
        while let Ok(passage) = pass(&gate).await {
            pauses.push(passage.shut(None));
        }
        assert!(matches!(pauses.pop(), Some(Shut::ForGood(_))));
        assert_eq!(pauses, [1, 2, 4, 8, 16].map(|seconds| Shut::For(Duration::from_secs(seconds))));
        assert_eq!(pass(&gate).await.unwrap_err().kind, ErrorKind::Http(429));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_starts_the_count_anew() {
        let gate = Gate::default();
        for _ in 0..20 {
            let passage = pass(&gate).await.unwrap();
            assert_eq!(passage.shut(None), Shut::For(Duration::from_secs(1)));
            passage.answered();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_word_about_a_pause_counts() {
        let gate = Gate::default();
        let before = pass(&gate).await.unwrap();
        let longer = |seconds| Shut::For(Duration::from_secs(seconds));
        for (seconds, expected) in [(1, longer(1)), (7, longer(7)), (3, Shut::Already)] {
            assert_eq!(before.shut(Some(Duration::from_secs(seconds))), expected);
        }
        let start = Instant::now();
        pass(&gate).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn replies_to_requests_of_before_a_pause_are_the_same_pause() {
        let gate = Gate::default();
        let before = pass(&gate).await.unwrap();
        assert!(matches!(before.shut(None), Shut::For(_)));
        for _ in 0..10 {
            assert_eq!(before.shut(None), Shut::Already);
        }
        assert!(pass(&gate).await.is_ok());
    }
}
