//! Which of the named elements are taken up: each once, those of a shard, and none that is done.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::next_line::{Next, next_line};
use super::seen::{Seen, head};
use super::shard::Shard;
use super::{Entry, Input};
use crate::element::ElementId;
use crate::error::RunError;
use crate::outcome::Status;

/// Decides which of the named elements are taken up. It is shared by all lists of a run, so that an element that
/// several of them name is taken up once. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sieve(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    shard: Option<Shard>,
    seen: Seen,
    /// The first nine bytes of the digest of each ID that is done, as `seen` keeps them.
    done: HashSet<[u8; 9]>,
}

/// What some editors and spreadsheets put before the first line.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What becomes of an element that is named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sifted {
    /// It is taken up.
    Taken,
    /// It is passed over: it was named before, is done, or is another shard's.
    Passed,
    /// It was named before, for another account.
    OtherAccount,
}

impl Sieve {
    /// A sieve that lets the elements of `shard` pass, or all; each once.
    pub fn new(shard: Option<Shard>) -> Self {
        Self(Arc::new(Mutex::new(Inner { shard, ..Inner::default() })))
    }

    /// From now on passes over the elements that the report `input` says are done. Returns how many of its lines are no
    /// report lines, such as a last one that was cut off.
    ///
    /// # Errors
    /// The report can't be read.
    pub fn leave_out(&self, Input { name, source, .. }: Input) -> Result<u64, RunError> {
        let cannot = |error| RunError::io(format!("can't read the report {name}"), error);
        let mut source = std::io::BufReader::with_capacity(64 * 1024, source);
        let (mut line, mut odd) = (Vec::new(), 0);
        loop {
            let reported = match next_line(&mut source, &mut line).map_err(cannot)? {
                Next::End => return Ok(odd),
                Next::Line => serde_json::from_slice::<Reported>(line.strip_prefix(BOM).unwrap_or(&line)).ok(),
                Next::TooLong => None,
            };
            match reported {
                Some(reported) => self.inner().done.extend(reported.done().map(|id| head(id.as_str()))),
                None => odd += u64::from(!line.trim_ascii().is_empty()),
            }
        }
    }

    /// What becomes of the element of `entry`, which a list names.
    pub(crate) fn sift(&self, entry: &Entry) -> Sifted {
        let mut inner = self.inner();
        let is_other = inner.shard.is_some_and(|shard| !shard.holds(&entry.id));
        if is_other || (!inner.done.is_empty() && inner.done.contains(&head(entry.id.as_str()))) {
            return Sifted::Passed;
        }
        inner.seen.sight(entry)
    }

    /// Whether bad lines are told: they are for one shard alone.
    pub(crate) fn tells_bad_lines(&self) -> bool {
        self.inner().shard.is_none_or(Shard::is_first)
    }

    // What is in it is whole after any panic.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of a report.
#[derive(Deserialize)]
struct Reported {
    id: Option<String>,
    status: Value,
}

impl Reported {
    /// The element that the line says is done, if it says that of one.
    fn done(&self) -> Option<ElementId> {
        let is_done = Status::deserialize(&self.status).is_ok_and(Status::is_done);
        self.id.as_ref().filter(|_| is_done)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry { id: id.parse().unwrap(), email: None }
    }

    #[test]
    fn what_a_report_says_is_done_is_passed_over() {
        let report = "{\"id\":\"u_1\",\"status\":\"created\"}\n{\"id\":\"u_2\",\"status\":\"failed\"}\n\
                      {\"id\":null,\"status\":\"failed\"}\n\n{\"id\":\"u_3\",\"status\":\"gone\"}\n\
                      {\"id\":\"u_4\",\"status\":\"would_create\"}\n{\"id\":\"u_5\",\"sta";
        let sieve = Sieve::default();
        assert_eq!(sieve.leave_out(Input::from_text("report", report.into())).unwrap(), 1);
        let taken = ["u_1", "u_2", "u_3", "u_4", "u_5"].map(|id| sieve.sift(&entry(id)) == Sifted::Taken);
        assert_eq!(taken, [false, true, false, true, true]);
    }

    #[test]
    fn the_shards_of_a_list_are_all_of_it_and_no_element_twice() {
        let of = |part: u64| Sieve::new(Some(format!("{part}/8").parse().unwrap()));
        let shards: Vec<Sieve> = (1..=8).map(of).collect();
        for number in 0..1000 {
            let entry = entry(&format!("u_{number}"));
            assert_eq!(shards.iter().filter(|sieve| sieve.sift(&entry) == Sifted::Taken).count(), 1);
        }
        assert_eq!(shards.iter().filter(|sieve| sieve.tells_bad_lines()).count(), 1);
    }
}
