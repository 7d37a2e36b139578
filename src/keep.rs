//! How much of an element's past is kept: the rules of `--keep-versions` and `--keep-within`.

use std::time::Duration;

use crate::time::Time;

/// Which superseded versions of an element are kept: those that either rule keeps, and all where neither is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keep {
    /// How many of the newest are kept.
    pub versions: Option<u64>,
    /// How long a version is kept after it was superseded.
    pub within: Option<Duration>,
}

/// A superseded version, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// When it was committed.
    pub committed_at: Time,
    /// Whether its manifest can be read, and trusted. If not it is never pruned: nobody can say which of its files are
    /// ours.
    pub is_readable: bool,
}

impl Keep {
    /// Whether all versions are kept, so that no history need be looked at.
    pub fn is_all(&self) -> bool {
        self.versions.is_none() && self.within.is_none()
    }

    /// Whether each of the superseded versions `past`, given in the order in which they stood, is to go `now`.
    /// `standing` is when the version that stands was committed, if one does. Where none does, the newest that can be
    /// read never goes.
    pub(crate) fn expired(&self, past: &[Past], standing: Option<Time>, now: Time) -> Vec<bool> {
        if self.is_all() {
            return vec![false; past.len()];
        }
        let superseded_at = superseded_at(past, standing);
        let mut newer = 0;
        let mut expired: Vec<bool> = past
            .iter()
            .zip(superseded_at)
            .rev()
            .map(|(version, superseded_at)| {
                // A time in the future comes of a wrong clock. Such a version stays, and counts for none of the newest.
                if !version.is_readable || version.committed_at > now {
                    return false;
                }
                let is_last = newer == 0 && standing.is_none();
                let by_number = self.versions.is_some_and(|versions| newer < versions);
                let is_young = |within| superseded_at.is_none_or(|superseded_at| now.since(superseded_at) < within);
                newer += 1;
                !(is_last || by_number || self.within.is_some_and(is_young))
            })
            .collect();
        expired.reverse();
        expired
    }
}

/// When each of the superseded versions `past`, given in the order in which they stood, was superseded: when the next
/// one was committed, but never before it was committed itself, even if the clock was set back. None for the newest
/// where nothing stands.
pub(crate) fn superseded_at(past: &[Past], standing: Option<Time>) -> Vec<Option<Time>> {
    let successors = past.iter().skip(1).map(|next| Some(next.committed_at)).chain([standing]);
    past.iter().zip(successors).map(|(version, next)| next.map(|next| next.max(version.committed_at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(second: i64) -> Time {
        Time::from_unix_millis(1000 * second).unwrap()
    }

    /// Versions committed at these seconds; one before 0 has no readable manifest.
    fn past(seconds: &[i64]) -> Vec<Past> {
        let past = |second: &i64| Past { committed_at: at(second.abs()), is_readable: *second >= 0 };
        seconds.iter().map(past).collect()
    }

    // The past is seen at second 100.
    #[rstest]
    #[case::all_by_default(None, None, &[10, 20], Some(30), &[])]
    #[case::nothing_to_prune(Some(0), None, &[], Some(30), &[])]
    #[case::none_are_kept(Some(0), None, &[10, 20], Some(30), &[0, 1])]
    #[case::the_newest_ones_are_kept(Some(2), None, &[10, 20, 30], Some(40), &[0])]
    #[case::more_than_there_are(Some(9), None, &[10, 20, 30], Some(40), &[])]
    #[case::superseded_long_ago(None, Some(65), &[10, 20, 30], Some(40), &[0, 1])]
    #[case::superseded_just_so_long_ago(None, Some(60), &[10, 20, 30], Some(40), &[0, 1, 2])]
    #[case::committed_long_ago_but_superseded_now(None, Some(1), &[10], Some(100), &[])]
    #[case::within_no_time_none_are_kept(None, Some(0), &[10, 20], Some(100), &[0, 1])]
    #[case::either_keeps_by_number(Some(2), Some(1), &[10, 20, 30], Some(40), &[0])]
    #[case::either_keeps_by_age(Some(1), Some(75), &[10, 20, 30], Some(40), &[0])]
    #[case::the_last_that_there_is_is_kept(Some(0), None, &[10, 20], None, &[0])]
    #[case::the_last_that_there_is_however_old(None, Some(0), &[10, 20], None, &[0])]
    #[case::it_counts_among_those_kept(Some(1), None, &[10, 20], None, &[0])]
    #[case::the_last_that_can_be_read(Some(0), None, &[10, 20, -30], None, &[0])]
    #[case::damaged_ones_stay(Some(0), None, &[-10, 20, -30], Some(40), &[1])]
    #[case::damaged_ones_take_no_others_place(Some(1), None, &[10, 20, -30], Some(40), &[0])]
    #[case::damaged_ones_superseded_as_well(None, Some(75), &[10, -20, 30], Some(40), &[0])]
    #[case::in_the_future_is_new(None, Some(1), &[10, 200], Some(300), &[])]
    #[case::of_the_future_it_stays(None, Some(0), &[10, 200], Some(300), &[0])]
    #[case::of_the_future_it_takes_no_others_place(Some(1), None, &[10, 20, 200], Some(30), &[0])]
    #[case::a_clock_set_back_makes_none_older(None, Some(15), &[10, 90], Some(20), &[])]
    fn what_expires_is_this_table(
        #[case] versions: Option<u64>,
        #[case] within: Option<u64>,
        #[case] seconds: &[i64],
        #[case] standing: Option<i64>,
        #[case] expected: &[usize],
    ) {
        let keep = Keep { versions, within: within.map(Duration::from_secs) };
        let expired = keep.expired(&past(seconds), standing.map(at), at(100));
        assert_eq!(expired.len(), seconds.len());
        let expired: Vec<usize> = (0..expired.len()).filter(|&index| expired[index]).collect();
        assert_eq!(expired, expected);
    }

    #[test]
    fn each_is_superseded_when_the_next_was_committed() {
        let seconds = |past: &[Past], standing| {
            let times = superseded_at(past, standing);
            times.into_iter().map(|time| time.map(|time| time.to_unix().0)).collect::<Vec<_>>()
        };
        assert_eq!(seconds(&past(&[10, -20, 30]), Some(at(40))), [Some(20), Some(30), Some(40)]);
        assert_eq!(seconds(&past(&[10, 20]), None), [Some(20), None]);
        assert_eq!(seconds(&past(&[10]), Some(at(5))), [Some(10)]);
    }
}
