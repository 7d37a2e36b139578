//! The past of an element that has been taken up: what of it the rules let go.

use super::element::with_failure;
use super::{Mirror, Purpose};
use crate::error::{ErrorKind, Failure};
use crate::outcome::{ElementOutcome, Status};
use crate::prune;

impl Mirror {
    /// Prunes the history of an element that is settled, durably; where that fails, so has the element.
    pub(super) async fn let_go(&self, outcome: ElementOutcome) -> ElementOutcome {
        let keep = self.options.keep;
        let Some(id) = outcome.id.clone() else { return outcome };
        // A run that ends leaves it to the next one.
        if keep.is_all() || self.options.purpose == Purpose::DryRun || self.stop.token().is_cancelled() {
            return outcome;
        }
        let pruned = match self.store.has_history(&id) {
            Ok(false) => return outcome,
            Ok(true) => {
                // It flushes and removes, which no worker of the runtime should wait for.
                let (store, events) = (self.store.clone(), self.events.clone());
                let pruned = tokio::task::spawn_blocking(move || prune::element((&store, &events), &id, &keep)).await;
                pruned.unwrap_or_else(|error| {
                    let failure = Failure::new(ErrorKind::Io, format!("prune its history: {error}"));
                    (prune::Pruned::default(), Err(failure))
                })
            }
            Err(failure) => (prune::Pruned::default(), Err(failure)),
        };
        self.watch().pruned(pruned.0);
        match pruned.1 {
            Err(failure) if outcome.status != Status::Failed => {
                with_failure(ElementOutcome { status: Status::Failed, ..outcome }, failure)
            }
            _ => outcome,
        }
    }
}
