//! A place among the elements in flight.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// An element's place among those in flight: taken before its first request and kept until its version waits for the
/// commit, but for the pauses of its account.
#[derive(Debug)]
pub struct Slot {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Slot {
    /// One of `all`, not taken yet.
    pub fn of(all: &Arc<Semaphore>) -> Self {
        Self { all: Arc::clone(all), taken: None }
    }

    /// Waits until one is free, unless this is taken already.
    pub(super) async fn take(&mut self) {
        if self.taken.is_none() {
            // The semaphore is never closed.
            self.taken = Arc::clone(&self.all).acquire_owned().await.ok();
        }
    }

    /// Gives it to others, for as long as this element does nothing.
    pub(super) fn give_back(&mut self) {
        self.taken = None;
    }
}
