//! What happens during a run, told to whoever listens. Byte counts are no events but counters to be polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::ErrorKind;
use crate::outcome::{ElementOutcome, Summary};

/// A change of state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An element ended, or a line was no ID.
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
        /// How long it waits.
        delay: Duration,
    },
    /// The API asked for a pause; every request of the account waits.
    #[non_exhaustive]
    Paused {
        /// The account.
        account: String,
        /// The API's words.
        message: String,
        /// How long.
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
        /// How many bytes its files have. (Those that it shares with other versions stay with these.)
        bytes: u64,
        /// Whether it would be, and is still there.
        foreseen: bool,
    },
    /// Something that a person should know, and that is no failure of an element.
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
    /// Elements, and what is told instead of them (bad lines, pages that can't be had), named by the lists so far; each
    /// element once.
    pub known: AtomicU64,
    /// Whether the lists are read to their end, so that `known` is all.
    pub all_known: AtomicBool,
    /// Bytes of assets received.
    pub bytes: AtomicU64,
    /// Assets being downloaded now.
    pub in_flight: AtomicU64,
    /// Requests sent to the API; each redirect that is followed is one more.
    pub api_requests: AtomicU64,
    /// Requests sent to whoever serves assets.
    pub cdn_requests: AtomicU64,
    /// Requests that were sent again: after a passing failure, or a pause that the API asked for.
    pub retries: AtomicU64,
}

impl Counters {
    /// How many of what the lists name, as far as they were read, `told` outcomes leave over.
    pub(crate) fn left(&self, told: u64) -> u64 {
        self.known.load(Relaxed).saturating_sub(told)
    }

    /// Whether `told` outcomes are of all that the lists name.
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

/// Where events are told: one bounded channel that the report's task drains.
#[derive(Clone, Debug)]
pub struct Events {
    sender: mpsc::Sender<Event>,
    /// What has been done so far.
    pub counters: Arc<Counters>,
}

impl Events {
    /// The channel, of `capacity` events.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender, counters: Arc::default() }, receiver)
    }

    /// The same channel, with `counters` for what is done.
    #[must_use]
    pub fn counted_by(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Another channel, of `capacity` events, with the same counters.
    pub(crate) fn apart(&self, capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender, counters: Arc::clone(&self.counters) }, receiver)
    }

    /// Tells something that may be lost where the listener is slow: a retry, a pause.
    pub(crate) fn hint(&self, event: Event) {
        // A full channel means that the listener has enough to say already.
        let _ = self.sender.try_send(event);
    }

    /// The same as [`Self::tell`], for threads outside the runtime.
    pub(crate) fn tell_blocking(&self, event: Event) {
        let _ = self.sender.blocking_send(event);
    }

    /// Tells something that a person should know of `what`: an ID, a place in a list, a path.
    pub async fn warn(&self, what: impl ToString, message: impl Into<String>) {
        self.tell(Event::Warned { what: what.to_string(), message: message.into() }).await;
    }

    /// The same as [`Self::warn`], for threads outside the runtime.
    pub(crate) fn warn_blocking(&self, what: impl ToString, message: impl Into<String>) {
        self.tell_blocking(Event::Warned { what: what.to_string(), message: message.into() });
    }

    /// Tells something that must not be lost, and waits for room.
    pub(crate) async fn tell(&self, event: Event) {
        // The receiver lives as long as the run; after that nobody is there to be told.
        let _ = self.sender.send(event).await;
    }
}
