//! The pace of all downloads together: whoever took bytes from the network waits until they are due.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::retry::sleep;

/// How much time that nobody used may be made up for. Each wait ends a little late, as timers do; without this a high
/// rate would never be reached.
const SLACK: Duration = Duration::from_millis(50);

/// A limit to the bytes a second.
pub(super) struct Pace {
    rate: u64,
    /// When all that was taken is due. Locked only to reckon, never while waiting; whoever takes later is due later, so
    /// that downloads take turns.
    due: Mutex<Instant>,
}

impl Pace {
    /// A pace of `rate` bytes a second.
    pub(super) fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), due: Mutex::new(Instant::now()) }
    }

    /// Counts so many `bytes`, and waits until they and all that were counted before are due.
    pub(super) async fn take(&self, bytes: usize) {
        let now = Instant::now();
        let wait = {
            // An instant is whole after any panic.
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            *due = (*due).max(now.checked_sub(SLACK).unwrap_or(now)) + self.time(bytes);
            due.saturating_duration_since(now)
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    /// How long so many bytes take.
    fn time(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use rstest::rstest;

    async fn take_all(pace: &Pace, chunks: &[usize]) -> Duration {
        let started = Instant::now();
        for &chunk in chunks {
            pace.take(chunk).await;
        }
        started.elapsed()
    }

    #[rstest]
    #[case::small_chunks(10 << 10, &[1024; 100], 10)]
    #[case::a_chunk_of_seconds(1 << 10, &[64 << 10, 1 << 10], 65)]
    #[case::a_byte_a_second(1, &[7], 7)]
    // Each is due after a sixtieth of what a timer can tell apart.
    #[case::a_high_rate(1 << 30, &[16 << 10; 1 << 17], 2)]
    #[tokio::test(start_paused = true)]
    async fn what_is_taken_takes_its_time(#[case] rate: u64, #[case] chunks: &[usize], #[case] seconds: u64) {
        let took = take_all(&Pace::new(rate), chunks).await;
        let expected = Duration::from_secs(seconds);
        assert!(took + SLACK >= expected && took <= expected + Duration::from_millis(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_nobody_used_is_lost() {
        let pace = Pace::new(1000);
        sleep(Duration::from_secs(100)).await;
        let took = take_all(&pace, &[1000; 10]).await;
        assert!(took + SLACK >= Duration::from_secs(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn sixteen_downloads_get_on_alike_and_are_as_fast_as_one() {
        let pace = Pace::new(16 << 10);
        let took = join_all((0..16).map(|_| take_all(&pace, &[1024; 20]))).await;
        let (first, last) = (took.iter().min().unwrap(), took.iter().max().unwrap());
        assert!(*last + SLACK >= Duration::from_secs(20) && *last < Duration::from_secs(21), "{last:?}");
        assert!(*last - *first <= Duration::from_secs(1), "{took:?}");
    }
}
