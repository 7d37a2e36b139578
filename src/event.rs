//! What happens during a run, told to whoever listens. How many bytes came is no event, but a counter to be polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::ErrorKind;
use crate::outcome::{ElementOutcome, Summary};

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// What came of an element, or of a line, page or item of a list that names none.
    Finished(Box<ElementOutcome>),
    /// A request failed for a passing reason and is tried again.
    #[non_exhaustive]
    Retrying {
        /// What is asked for: an element, or an asset of it.
        what: String,
        /// Why the try failed.
        kind: ErrorKind,
        /// In words.
        message: String,
        /// How long it waits before that.
        delay: Duration,
    },
    /// The API asked for a pause (429): every request of the account waits.
    #[non_exhaustive]
    Paused {
        /// The account's email, or words for the token's only account.
        account: String,
        /// The API's words.
        message: String,
        /// How long they wait.
        delay: Duration,
    },
    /// The element is fetched once more, since links of it were refused.
    #[non_exhaustive]
    Refreshed {
        /// The element.
        what: String,
        /// Why the first of the links was refused.
        kind: ErrorKind,
        /// In words.
        message: String,
    },
    /// Something is not asked for any more: an asset can't be had, an account or the token is refused.
    #[non_exhaustive]
    Refused {
        /// The asset, the account or the token.
        what: String,
        /// Why.
        kind: ErrorKind,
        /// In words.
        message: String,
    },
    /// A superseded version was removed, or in a dry run would be.
    #[non_exhaustive]
    Pruned {
        /// The element.
        what: String,
        /// The version, by its folder's name in the history.
        when: String,
        /// How many bytes its files have, those included that it shares with other versions, which stay.
        bytes: u64,
        /// Whether this is a dry run, and the version is still there.
        dry_run: bool,
    },
    /// Something is odd, and a person should know; it is no failure of an element.
    #[non_exhaustive]
    Warned {
        /// What it is about: an ID, a place in a list, a path.
        what: String,
        /// The sentence.
        message: String,
    },
    /// The run is over.
    Ended(Box<Summary>),
}

/// What a run has done so far. Written by its tasks, polled by the terminal.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// How many elements the lists have named so far, each once; with what is told instead of elements: bad lines,
    /// pages that can't be had.
    pub known: AtomicU64,
    /// Whether the lists are read to their end, so that `known` is the total.
    pub all_known: AtomicBool,
    /// Bytes of assets received.
    pub bytes: AtomicU64,
    /// Bytes of the mirror that a verification has read.
    pub read: AtomicU64,
    /// Assets being downloaded, or elements being verified, now.
    pub in_flight: AtomicU64,
    /// Requests sent to the API; each redirect that is followed is one more.
    pub api_requests: AtomicU64,
    /// Requests sent to whoever serves assets.
    pub cdn_requests: AtomicU64,
    /// Requests that were sent again: after a passing failure, or a pause that the API asked for.
    pub retries: AtomicU64,
}

impl Counters {
    /// How many of `known` are left when there were `told` outcomes.
    pub(crate) fn left(&self, told: u64) -> u64 {
        self.known.load(Relaxed).saturating_sub(told)
    }

    /// Whether `told` outcomes are all that there will be.
    pub(crate) fn are_all(&self, told: u64) -> bool {
        self.all_known.load(Relaxed) && self.known.load(Relaxed) <= told
    }

    /// Counts an asset in flight until the guard is dropped.
    pub(crate) fn in_flight(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }
}

/// An asset in flight.
pub(crate) struct InFlight(Arc<Counters>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Where events are told: a bounded channel.
#[derive(Clone, Debug)]
pub struct Events {
    sender: mpsc::Sender<Event>,
    /// What is counted, beside the events.
    pub counters: Arc<Counters>,
}

impl Events {
    /// A channel in which so many events may wait (one, if `capacity` is 0), and the end at which they are received.
    /// Whoever holds that has to receive, or drop it: a run waits for room to tell what came of its elements.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self { sender, counters: Arc::default() }, receiver)
    }

    /// The same channel, with other `counters`.
    #[must_use]
    pub fn counted_by(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Another channel with the same counters.
    pub(crate) fn apart(&self, capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender, counters: Arc::clone(&self.counters) }, receiver)
    }

    /// Tells something, unless the channel is full: retries and pauses may be lost where the listener is slow.
    pub(crate) fn hint(&self, event: Event) {
        // A full channel means that the listener has enough to say already.
        let _ = self.sender.try_send(event);
    }

    /// Does as [`Self::tell`], for threads outside the runtime.
    pub(crate) fn tell_blocking(&self, event: Event) {
        let _ = self.sender.blocking_send(event);
    }

    /// Warns of something about `what`: an ID, a place in a list, a path.
    pub async fn warn(&self, what: impl ToString, message: impl Into<String>) {
        self.tell(Event::Warned { what: what.to_string(), message: message.into() }).await;
    }

    /// Does as [`Self::warn`], for threads outside the runtime.
    pub(crate) fn warn_blocking(&self, what: impl ToString, message: impl Into<String>) {
        self.tell_blocking(Event::Warned { what: what.to_string(), message: message.into() });
    }

    /// Tells something that must not be lost: waits for room.
    pub(crate) async fn tell(&self, event: Event) {
        // The receiver lives as long as the run; after that nobody is there to be told.
        let _ = self.sender.send(event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_holds_at_least_one_event() {
        let (events, mut told) = Events::channel(0);
        events.hint(Event::Ended(Box::default()));
        assert!(matches!(told.try_recv(), Ok(Event::Ended(_))));
    }
}
