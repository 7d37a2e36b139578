//! The past of an element that has been taken up: what of it the rules let go.

use super::{Mirror, Purpose};
use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, Pruned, Status};
use crate::prune::{self, Scope};
use crate::store::Store;

impl<S: Store> Mirror<S> {
    /// Prunes the history of an element that is settled, durably, or in a dry run foresees that; where it fails, so has
    /// the element.
    pub(super) async fn let_go(&self, outcome: ElementOutcome) -> ElementOutcome {
        let keep = self.options.keep;
        let Some(id) = outcome.id.clone() else { return outcome };
        // A run that ends leaves it to the next one.
        if keep.is_all() || self.stop.token().is_cancelled() {
            return outcome;
        }
        // As many at a time as a pruning by itself does; the permit is there as long as the mirror.
        let _permit = self.pruning.acquire().await;
        let (store, events) = (self.store.clone(), self.events.clone());
        let scope = if self.purpose == Purpose::DryRun { Scope::Foreseen } else { Scope::Expired };
        // It reads, flushes and removes, which no worker of the runtime should wait for.
        let pruned = self.asks.spawn_blocking(move || prune::apply((&store, &events), &id, &keep, scope)).await;
        let (pruned, done) = pruned.unwrap_or_else(|error| {
            let failure = Failure::new(ErrorKind::Io, format!("prune its history: {error}"));
            (Pruned::default(), Err(failure))
        });
        self.watch().pruned(pruned);
        match done {
            // What stands is damaged, and the outcome says so already.
            Err(failure) if outcome.status != Status::Failed && failure.kind != ErrorKind::Damaged => {
                ElementOutcome { status: Status::Failed, ..outcome }.with_failure(failure)
            }
            _ => outcome,
        }
    }
}
