//! How fast a command gets on, by what was done of late: elements that were unchanged at first say nothing of the
//! downloads that follow.

use std::collections::VecDeque;
use std::time::Duration;

/// What was done longer ago does not count.
const LATELY: Duration = Duration::from_secs(30);

/// How much was done when.
#[derive(Default)]
pub(super) struct Speed(VecDeque<Sample>);

struct Sample {
    at: Duration,
    done: u64,
    bytes: u64,
}

impl Speed {
    /// Notes that so much was done in all, the time `at` after the beginning.
    pub(super) fn add(&mut self, at: Duration, done: u64, bytes: u64) {
        while self.0.get(1).is_some_and(|second| at.saturating_sub(second.at) >= LATELY) {
            self.0.pop_front();
        }
        self.0.push_back(Sample { at, done, bytes });
    }

    /// Bytes a second, of late.
    pub(super) fn bytes_a_second(&self) -> u64 {
        self.lately().map_or(0, |(first, last)| {
            let seconds = (last.at - first.at).as_secs_f64().max(0.1);
            (last.bytes.saturating_sub(first.bytes) as f64 / seconds) as u64
        })
    }

    /// How long `left` more elements take; `None` where nothing was done of late.
    pub(super) fn time_for(&self, left: u64) -> Option<Duration> {
        let (first, last) = self.lately()?;
        let done = last.done.checked_sub(first.done).filter(|&done| done > 0)?;
        Some((last.at - first.at).mul_f64(left as f64 / done as f64))
    }

    fn lately(&self) -> Option<(&Sample, &Sample)> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        (last.at > first.at).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_faster_long_ago_is_forgotten() {
        let mut speed = Speed::default();
        assert_eq!((speed.bytes_a_second(), speed.time_for(10)), (0, None));
        speed.add(Duration::ZERO, 0, 0);
        assert_eq!(speed.time_for(10), None);
        // A thousand in the first second, and then one a second of 100 bytes.
        for second in 1..=100 {
            speed.add(Duration::from_secs(second), 1000 + second, second * 100);
        }
        assert_eq!((speed.bytes_a_second(), speed.time_for(10)), (100, Some(Duration::from_secs(10))));
        assert!(speed.0.len() <= 32);
        // Nothing is done any more.
        (101..200).for_each(|second| speed.add(Duration::from_secs(second), 1100, 10_000));
        assert_eq!((speed.bytes_a_second(), speed.time_for(10)), (0, None));
    }
}
