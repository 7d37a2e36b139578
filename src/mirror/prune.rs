//! The rules of keeping, applied to the history of each element that a run takes up.

use super::{Mirror, Purpose};
use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, Pruned, Status};
use crate::prune::{self, Scope};
use crate::store::Store;

impl<S: Store> Mirror<S> {
    /// Prunes the history of an element whose `outcome` is durable; a dry run only says what would go. Where that
    /// fails, the element has failed.
    pub(super) async fn prune_history(&self, outcome: ElementOutcome) -> ElementOutcome {
        let keep = self.options.keep;
        let Some(id) = outcome.id.clone() else { return outcome };
        // A run that ends leaves it to the next one.
        if keep.is_all() || self.stop.token().is_cancelled() {
            return outcome;
        }
        // As many at a time as the command `prune` takes. (The semaphore is never closed.)
        let _permit = self.pruning.acquire().await;
        let (store, events) = (self.store.clone(), self.events.clone());
        let scope = if self.purpose == Purpose::DryRun { Scope::DryRun } else { Scope::Expired };
        // It reads, flushes and removes, which no worker of the runtime should wait for.
        let pruned = self.asks.spawn_blocking(move || prune::apply((&store, &events), &id, &keep, scope)).await;
        let (pruned, done) = pruned.unwrap_or_else(|error| {
            let failure = Failure::new(ErrorKind::Io, format!("prune its history: {error}"));
            (Pruned::default(), Err(failure))
        });
        self.watch().pruned(pruned);
        match done {
            // `damaged` says that what stands is: the outcome has told that already, and nothing was removed.
            Err(failure) if outcome.status != Status::Failed && failure.kind != ErrorKind::Damaged => {
                outcome.with_failure(failure)
            }
            _ => outcome,
        }
    }
}
