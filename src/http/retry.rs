//! A retry is a value: `match attempt { Err(e) => retry.pause(e).await?, done => return done }`. Whatever waits before
//! a request, or between bytes, waits here.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::Failure;
use crate::event::{Event, Events};

/// Waits for `delay`.
#[expect(clippy::disallowed_methods, reason = "the one place that waits for the network")]
pub(crate) async fn sleep(delay: Duration) {
    tokio::time::sleep(delay).await;
}

/// The longest wait that the other side can impose at a time.
pub(crate) const MAX_ASKED: Duration = Duration::from_secs(5 * 60);

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// Why it failed.
    pub failure: Failure,
    /// How long the other side asked to be left alone (`Retry-After`), where it did.
    pub retry_after: Option<Duration>,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self { failure, retry_after: None }
    }
}

/// The further tries of one request.
pub struct Retry {
    times: usize,
    delays: ExponentialBackoff,
    what: String,
    events: Events,
}

impl Retry {
    /// `times` further tries of a request for `what`, with growing, jittered delays from a quarter second on.
    pub(super) fn new(times: usize, what: String, events: Events) -> Self {
        Self { times, delays: delays(times), what, events }
    }

    /// Starts to count anew, since the last try got a good way further.
    pub fn begin_again(&mut self) {
        self.delays = delays(self.times);
    }

    /// Waits before the next try: longer each time, and at least as long as the other side asked for, up to five
    /// minutes.
    ///
    /// # Errors
    /// The failure itself, where another try can't help or none is left.
    pub async fn pause(&mut self, setback: impl Into<Setback>) -> Result<(), Failure> {
        let Setback { failure, retry_after } = setback.into();
        let delay = self.delays.next().filter(|_| failure.kind.is_passing());
        let Some(delay) = delay else { return Err(failure) };
        let delay = delay.max(retry_after.unwrap_or_default().min(MAX_ASKED));
        self.events.hint(Event::Retrying {
            what: self.what.clone(),
            kind: failure.kind,
            message: failure.message,
            delay,
        });
        sleep(delay).await;
        self.events.counters.retries.fetch_add(1, Relaxed);
        Ok(())
    }
}

fn delays(times: usize) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .with_max_times(times)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn retry(times: usize) -> Retry {
        Retry::new(times, "u_1".into(), Events::channel(64).0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_failure_is_tried_again_as_often_as_allowed_with_growing_delays() {
        let mut retry = retry(5);
        let mut waits = Vec::new();
        loop {
            let start = tokio::time::Instant::now();
            if retry.pause(Failure::new(ErrorKind::Http(503), "busy")).await.is_err() {
                break;
            }
            waits.push(start.elapsed());
        }
        assert_eq!(waits.len(), 5);
        for (try_number, wait) in waits.iter().enumerate() {
            let base = Duration::from_millis(250) * 2_u32.pow(try_number as u32);
            assert!(*wait >= base && *wait <= base * 2 + Duration::from_millis(2), "{try_number}: {wait:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_two_requests_come_again_in_step() {
        let mut waits = std::collections::HashSet::new();
        for _ in 0..20 {
            let start = tokio::time::Instant::now();
            retry(1).pause(Failure::new(ErrorKind::Connect, "down")).await.unwrap();
            waits.insert(start.elapsed());
        }
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_other_side_is_left_alone_as_long_as_it_asked_but_five_minutes_at_most() {
        for (retry_after, expected) in [(0, 0..1), (7, 7..8), (100_000, 300..301)] {
            let failure = Failure::new(ErrorKind::Http(503), "busy");
            let start = tokio::time::Instant::now();
            retry(1).pause(Setback { failure, retry_after: Some(Duration::from_secs(retry_after)) }).await.unwrap();
            assert!(expected.contains(&start.elapsed().as_secs()), "{retry_after}: {:?}", start.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_failure_comes_back_at_once() {
        let failure = Failure::new(ErrorKind::Http(403), "no");
        assert_eq!(retry(5).pause(failure.clone()).await, Err(failure));
    }
}
