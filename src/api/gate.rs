//! An account's gate, which a 429 shuts for all its requests, and a broken session for good.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ErrorKind, Failure};
use crate::http::retry::{MAX_ASKED, sleep};

/// The longest wait where the API says none.
const MAX_OWN_PAUSE: Duration = Duration::from_secs(60);
/// So many pauses without a success between end the account.
const MAX_PAUSES: u32 = 6;

/// What an account's requests have met with.
#[derive(Debug, Default)]
struct State {
    opens_at: Option<Instant>,
    /// Counts the pauses, so that replies to requests of before a pause don't prolong it.
    generation: u64,
    pauses_in_row: u32,
    dead: Option<Failure>,
}

/// The gate of one account: shut for a while after a 429, for good when the account is broken.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

/// The way through a gate, as it was when a request was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage(u64);

/// What a 429 came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// The gate is shut for so long.
    For(Duration),
    /// Another request of the same passage had shut it already, for as long: that is one pause.
    Already,
    /// It was one time too many; why the account's other elements fail.
    ForGood(Failure),
}

/// What is seen of a gate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// It is open.
    Open(Passage),
    /// It stays shut for so long.
    Shut(Duration),
}

impl Gate {
    /// Waits until the gate is open.
    ///
    /// # Errors
    /// The account is broken; no request of its is sent any more.
    pub(super) async fn pass(&self) -> Result<Passage, Failure> {
        loop {
            match self.look()? {
                Look::Open(passage) => return Ok(passage),
                Look::Shut(wait) => sleep(wait).await,
            }
        }
    }

    /// Whether the gate is open.
    ///
    /// # Errors
    /// The account is broken.
    pub(super) fn look(&self) -> Result<Look, Failure> {
        let state = self.state();
        if let Some(failure) = &state.dead {
            return Err(failure.clone());
        }
        let shut = state.opens_at.map(|at| at.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero());
        Ok(shut.map_or(Look::Open(Passage(state.generation)), Look::Shut))
    }

    /// Shuts the gate as the API `asked`, or for a second, two, four… where it named no time. A pause that another
    /// request of the same passage began, `asked` can only make longer.
    pub(super) fn shut(&self, passage: Passage, asked: Option<Duration>) -> Shut {
        let mut state = self.state();
        if state.generation != passage.0 {
            let asked = asked.unwrap_or_default().min(MAX_ASKED);
            let until = Some(Instant::now() + asked);
            if asked.is_zero() || state.opens_at >= until {
                return Shut::Already;
            }
            state.opens_at = until;
            return Shut::For(asked);
        }
        state.generation += 1;
        state.pauses_in_row += 1;
        if state.pauses_in_row >= MAX_PAUSES {
            let message = format!("the API asked {MAX_PAUSES} times in a row to wait (429)");
            return Shut::ForGood(state.dead.get_or_insert(Failure::new(ErrorKind::Http(429), message)).clone());
        }
        let own = Duration::from_secs(1 << (state.pauses_in_row - 1)).min(MAX_OWN_PAUSE);
        // "At once" is what a clock that goes wrong makes of a date; taken at its word it would only use up the pauses.
        let asked = asked.map(|asked| if asked.is_zero() { Duration::from_secs(1) } else { asked });
        let delay = asked.unwrap_or(own).min(MAX_ASKED);
        state.opens_at = Some(Instant::now() + delay);
        Shut::For(delay)
    }

    /// A request of the account succeeded.
    pub(super) fn succeeded(&self) {
        self.state().pauses_in_row = 0;
    }

    /// The account is broken: `failure` is what its other elements fail with. Whether that is news.
    pub(super) fn close_for_good(&self, failure: Failure) -> bool {
        self.state().dead.replace(failure).is_none()
    }

    // The state is whole after any panic: no call leaves it half changed.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_lasts_as_long_as_asked_and_no_longer_than_five_minutes() {
        for (asked, expected) in [(7, 7), (100_000, 300), (0, 1)] {
            let gate = Gate::default();
            let passage = gate.pass().await.unwrap();
            assert_eq!(gate.shut(passage, Some(Duration::from_secs(asked))), Shut::For(Duration::from_secs(expected)));
            let start = Instant::now();
            gate.pass().await.unwrap();
            assert_eq!(start.elapsed().as_secs(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_the_pause_doubles_and_six_in_a_row_end_the_account() {
        let gate = Gate::default();
        let mut pauses = Vec::new();
        while let Ok(passage) = gate.pass().await {
            pauses.push(gate.shut(passage, None));
        }
        assert!(matches!(pauses.pop(), Some(Shut::ForGood(_))));
        assert_eq!(pauses, [1, 2, 4, 8, 16].map(|seconds| Shut::For(Duration::from_secs(seconds))));
        assert_eq!(gate.pass().await.unwrap_err().kind, ErrorKind::Http(429));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_starts_the_count_anew() {
        let gate = Gate::default();
        for _ in 0..20 {
            let passage = gate.pass().await.unwrap();
            assert_eq!(gate.shut(passage, None), Shut::For(Duration::from_secs(1)));
            gate.succeeded();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_word_about_a_pause_counts() {
        let gate = Gate::default();
        let before = gate.pass().await.unwrap();
        let longer = |seconds| Shut::For(Duration::from_secs(seconds));
        for (seconds, expected) in [(1, longer(1)), (7, longer(7)), (3, Shut::Already)] {
            assert_eq!(gate.shut(before, Some(Duration::from_secs(seconds))), expected);
        }
        let start = Instant::now();
        gate.pass().await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn replies_to_requests_of_before_a_pause_are_the_same_pause() {
        let gate = Gate::default();
        let before = gate.pass().await.unwrap();
        assert!(matches!(gate.shut(before, None), Shut::For(_)));
        for _ in 0..10 {
            assert_eq!(gate.shut(before, None), Shut::Already);
        }
        assert!(gate.pass().await.is_ok());
    }
}
