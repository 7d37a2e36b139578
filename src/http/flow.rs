//! Whether a body comes fast enough: a byte now and then is no stall, but a body of such bytes would keep a run for
//! ever.

use std::time::Duration;

/// How many bytes have to come in each period of waiting.
const LEAST: u64 = 64 << 10;
/// How long a period is, in multiples of the longest wait for one byte.
const PERIOD: u32 = 10;

/// How much of a body came in the period that is under way. Only time that was spent waiting for the network counts.
pub(super) struct Flow {
    period: Duration,
    waited: Duration,
    bytes: u64,
}

impl Flow {
    /// The flow of a body that may stall for `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { period: patience.saturating_mul(PERIOD), waited: Duration::ZERO, bytes: 0 }
    }

    /// Counts `bytes`, and how long they were `waited` for.
    ///
    /// # Errors
    /// They come too slowly; in words.
    pub(super) fn add(&mut self, bytes: usize, waited: Duration) -> Result<(), String> {
        self.bytes += bytes as u64;
        self.waited += waited;
        if self.waited < self.period {
            return Ok(());
        }
        if self.bytes < LEAST {
            return Err(format!("the body came too slowly: {} bytes in {} s", self.bytes, self.waited.as_secs()));
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// How many chunks of so many bytes, each after so many seconds, come before it was too slow.
    fn chunks(bytes: usize, seconds: u64) -> Option<usize> {
        let mut flow = Flow::new(Duration::from_secs(30));
        (0..10_000).find(|_| flow.add(bytes, Duration::from_secs(seconds)).is_err())
    }

    #[rstest]
    #[case::a_byte_now_and_then(1, 29, Some(10))]
    #[case::a_byte_at_a_time(1, 1, Some(299))]
    #[case::just_too_slow(6553, 30, Some(9))]
    #[case::just_fast_enough(6554, 30, None)]
    #[case::as_fast_as_can_be(1, 0, None)]
    fn less_than_64_kib_in_ten_times_the_longest_stall_is_too_slow(
        #[case] bytes: usize,
        #[case] seconds: u64,
        #[case] expected: Option<usize>,
    ) {
        assert_eq!(chunks(bytes, seconds), expected);
    }

    #[test]
    fn a_body_that_came_fast_and_then_drips_is_too_slow_too() {
        let mut flow = Flow::new(Duration::from_secs(30));
        flow.add(100 << 20, Duration::from_secs(299)).unwrap();
        let waits = (1..).find(|_| flow.add(1, Duration::from_secs(20)).is_err());
        assert_eq!(waits, Some(16), "the first ends that period, and fifteen the next");
    }
}
