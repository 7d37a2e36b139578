//! What the mirror holds of an element when its next version is made.

use std::sync::Arc;

use super::Mirror;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::plan::{Held, HeldIn};
use crate::store::Store;
use crate::store::standing::{Occupant, Version};

/// What of the element is on disk.
pub(super) struct Sources<P> {
    /// What is in its place.
    pub(super) occupant: Occupant<P>,
    /// What an earlier run had of the next version.
    pub(super) draft: Option<Version<P>>,
}

impl<P> Sources<P> {
    /// What the planner needs to know of it.
    pub(super) fn held(&self) -> Held<'_> {
        Held { standing: self.occupant.standing(), draft: self.draft.as_ref().map(|draft| &draft.checked) }
    }

    pub(super) fn version(&self, held_in: HeldIn) -> Option<&Version<P>> {
        match held_in {
            HeldIn::Standing => self.occupant.version(),
            HeldIn::Draft => self.draft.as_ref(),
        }
    }
}

impl<S: Store> Mirror<S> {
    /// Asks the store about `id`: on a thread that may wait, unless that takes next to no time.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        id: &ElementId,
        ask: impl FnOnce(&S, &ElementId) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        match self.store.is_quick() {
            true => ask(&self.store, id),
            false => self.wait_for(id, ask).await,
        }
    }

    /// Asks the store about `id` what takes its time: it hashes, flushes, removes.
    pub(super) async fn wait_for<T: Send + 'static>(
        &self,
        id: &ElementId,
        ask: impl FnOnce(&S, &ElementId) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (store, id) = (self.store.clone(), id.clone());
        // (The semaphore is never closed.) The thread keeps the permit, also where nobody waits for it any more.
        let permit = Arc::clone(&self.asking).acquire_owned().await;
        // By the tracker: at its end the run waits for what nobody awaits any more.
        let asked = self.asks.spawn_blocking(move || {
            let _permit = permit;
            ask(&store, &id)
        });
        let asked = asked.await;
        asked.unwrap_or_else(|error| {
            let message = format!("work on the destination broke down, please report it: {error}");
            Err(Failure::new(ErrorKind::Io, message))
        })
    }
}
