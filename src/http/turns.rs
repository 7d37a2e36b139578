//! Turns: requests to the API leave one after the other, never more in a second than is allowed.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::retry::sleep;

/// A limit to the turns a second.
pub(super) struct Turns {
    /// The least time between two.
    gap: Duration,
    /// When the last one was. Locked during the wait, so that whoever comes later waits behind; giving up unlocks it.
    last: Mutex<Option<Instant>>,
}

impl Turns {
    /// `rate` turns a second, which may be less than one.
    pub(super) fn new(rate: f64) -> Self {
        let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        Self { gap, last: Mutex::default() }
    }

    /// Waits for the next turn. One that came late is not made up for, since two would then come too close.
    pub(super) async fn take(&self) {
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            let wait = self.gap.saturating_sub(last.elapsed());
            if !wait.is_zero() {
                sleep(wait).await;
            }
        }
        *last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use rstest::rstest;

    #[rstest]
    #[case::many(10.0, 100)]
    #[case::less_than_one(0.5, 2_000)]
    #[case::one_in_a_day(1.0 / 86_400.0, 86_400_000)]
    #[tokio::test(start_paused = true)]
    async fn turns_are_so_far_apart(#[case] rate: f64, #[case] millis: u64) {
        let turns = Turns::new(rate);
        let started = Instant::now();
        let mut times = Vec::new();
        for _ in 0..4 {
            turns.take().await;
            times.push(started.elapsed());
        }
        let expected: Vec<Duration> = (0..4).map(|n| Duration::from_millis(n * millis)).collect();
        assert_eq!(times, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_there_are_never_more_in_a_second() {
        let turns = Turns::new(4.0);
        let started = Instant::now();
        let ask = async |after: u64| {
            sleep(Duration::from_millis(after)).await;
            turns.take().await;
            started.elapsed()
        };
        // Eight come at once, the others late: what was not used in between is not made up for.
        let mut times = join_all([0, 0, 0, 0, 0, 0, 0, 0, 5_000, 5_000, 5_000, 5_000, 5_000, 5_100].map(ask)).await;
        times.sort();
        for window in times.windows(5) {
            assert!(window[4] - window[0] >= Duration::from_secs(1), "{times:?}");
        }
        assert_eq!(times[7], Duration::from_millis(1_750));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_holds_nobody_up() {
        let turns = Turns::new(0.1);
        turns.take().await;
        assert!(tokio::time::timeout(Duration::from_secs(9), turns.take()).await.is_err());
        let started = Instant::now();
        turns.take().await;
        assert_eq!(started.elapsed(), Duration::from_secs(1));
    }
}
