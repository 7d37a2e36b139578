//! Ending a run early: that it ends, and why.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::outcome::End;

/// Ends a run. It is shared by all who may end it and all who must hear of that. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Cancelled when what is in flight is to be broken off.
    token: CancellationToken,
    /// Cancelled when nothing new is to be begun any more: with `token`, or before it.
    closing: CancellationToken,
    said: Arc<Mutex<Said>>,
}

/// Why the run ends.
#[derive(Debug, Default)]
struct Said {
    ends: Vec<End>,
    /// Whether everything has begun, so that a time limit has nothing left to cut off.
    is_all_begun: bool,
}

/// A time limit, as [`Stop::end_after`] sets it. When this is dropped there is none any more.
#[must_use = "dropped at once, it limits nothing"]
pub struct Timer {
    _task: AbortOnDropHandle<()>,
}

impl Default for Stop {
    fn default() -> Self {
        let token = CancellationToken::new();
        Self { closing: token.child_token(), token, said: Arc::default() }
    }
}

impl Stop {
    /// Ends the run: nothing new is begun, and what is in flight is broken off, unless `end` lets it finish (as
    /// [`End::TimeUp`] and [`End::TooManyErrors`] do). Of several ends of a kind the first is kept.
    pub fn end(&self, end: End) {
        let mut said = self.said();
        if said.is_all_begun && end == End::TimeUp {
            return;
        }
        let closes = if end.lets_finish() { &self.closing } else { &self.token };
        if !said.ends.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&end)) {
            said.ends.push(end);
        }
        drop(said);
        closes.cancel();
    }

    /// Ends the run after `time`, as [`End::TimeUp`]. To be called inside the runtime.
    pub fn end_after(&self, time: Duration) -> Timer {
        let stop = self.clone();
        if time.is_zero() {
            // The task would let the first elements slip through.
            stop.end(End::TimeUp);
        }
        let task = tokio::spawn(async move {
            if tokio::time::timeout(time, stop.token().cancelled()).await.is_err() {
                stop.end(End::TimeUp);
            }
        });
        Timer { _task: AbortOnDropHandle::new(task) }
    }

    /// Says that everything has begun. If the time was up before, or is later, that ended nothing.
    pub(crate) fn nothing_is_left(&self) {
        let mut said = self.said();
        said.is_all_begun = true;
        said.ends.retain(|end| *end != End::TimeUp);
    }

    /// What comes of `work`; `None` if it is broken off by the end of the run.
    pub async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.token.run_until_cancelled(work).await
    }

    /// Whether the run ends at once: what is in flight is broken off.
    pub fn has_ended(&self) -> bool {
        self.token.is_cancelled()
    }

    /// What is cancelled when nothing new is to be begun any more.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// What is cancelled when the run ends at once.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Why the run ends, in the order in which it was said.
    pub fn ends(&self) -> Vec<End> {
        self.said().ends.clone()
    }

    // What is in it is whole after any panic.
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_in_flight_say_alike_is_said_once() {
        let stop = Stop::default();
        let refused = || End::Refused("the API answered 401: Unauthorized".into());
        [refused(), End::Signal(2), refused()].into_iter().for_each(|end| stop.end(end));
        assert_eq!(stop.ends(), [refused(), End::Signal(2)]);
        assert!(stop.token().is_cancelled() && stop.closing().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_is_up_ends_a_run_unless_it_is_over() {
        let (stop, minute) = (Stop::default(), Duration::from_secs(60));
        let dropped = stop.end_after(minute);
        let timer = stop.end_after(2 * minute);
        // Their time runs from here.
        tokio::task::yield_now().await;
        drop(dropped);
        tokio::time::advance(minute + minute / 2).await;
        tokio::task::yield_now().await;
        assert!(!stop.closing().is_cancelled());
        stop.closing().cancelled().await;
        assert_eq!(stop.ends(), [End::TimeUp]);
        drop(timer);
    }

    #[test]
    fn time_that_is_up_when_nothing_is_left_ended_nothing() {
        let (before, after) = (Stop::default(), Stop::default());
        before.end(End::TimeUp);
        before.nothing_is_left();
        after.nothing_is_left();
        [End::TimeUp, End::Signal(2)].into_iter().for_each(|end| after.end(end));
        assert_eq!((before.ends(), after.ends()), (vec![], vec![End::Signal(2)]));
    }

    #[test]
    fn an_end_in_time_lets_what_is_in_flight_finish() {
        for end in [End::TimeUp, End::TooManyErrors(3)] {
            let stop = Stop::default();
            stop.end(end);
            assert!(stop.closing().is_cancelled() && !stop.token().is_cancelled());
            stop.end(End::Signal(15));
            assert!(stop.token().is_cancelled());
        }
    }
}
