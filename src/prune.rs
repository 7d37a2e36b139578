//! Pruning: superseded versions that the rules let go are removed, of every element, also of those that are gone.

use std::time::Instant;

use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::event::{Event, Events};
use crate::keep::Keep;
use crate::outcome::{ElementOutcome, End, Status, Summary};
use crate::stop::Stop;
use crate::store::local::LocalStore;
use crate::store::local::history::PastVersion;

pub use crate::outcome::Pruned;

/// Prunes a mirror.
pub struct Prune {
    /// The mirror; in a dry run it was opened to look only.
    pub store: LocalStore,
    /// What is kept.
    pub keep: Keep,
    /// What could not be removed of elements whose pruning was begun before.
    pub unfinished: Vec<(ElementId, Failure)>,
    /// Say what would be removed, and write nothing.
    pub dry_run: bool,
    /// Where it is told what happens.
    pub events: Events,
    /// Ends it early, between two elements.
    pub stop: Stop,
}

impl Prune {
    /// Applies the rules to every element that has a history. What fails of one element stops no other.
    pub async fn run(self) -> Summary {
        let (events, stop) = (self.events.clone(), self.stop.clone());
        // Files are waited for.
        let pruned = tokio::task::spawn_blocking(move || self.walk()).await;
        let mut summary = pruned.unwrap_or_else(|error| {
            stop.end(End::Broken(format!("pruning broke down, please report it: {error}")));
            Summary::default()
        });
        summary.ends = stop.ends();
        events.tell(Event::Ended(Box::new(summary.clone()))).await;
        summary
    }

    fn walk(&self) -> Summary {
        let started = Instant::now();
        let pruned = Pruned { foreseen: self.dry_run, ..Pruned::default() };
        let mut summary = Summary { pruned: Some(pruned), ..Summary::default() };
        if let Err(error) = self.each(&mut summary) {
            self.stop.end(End::Broken(error.to_string()));
        }
        summary.elapsed = started.elapsed();
        summary
    }

    fn each(&self, summary: &mut Summary) -> Result<(), RunError> {
        for (id, failure) in &self.unfinished {
            self.fail(id.clone(), failure.clone(), summary);
        }
        for id in self.store.elements_with_history()? {
            let id = id?;
            if self.stop.token().is_cancelled() {
                break;
            }
            let at = (&self.store, &self.events);
            let (pruned, done) = match self.dry_run {
                true => foresee(at, &id, &self.keep),
                false => element(at, &id, &self.keep),
            };
            summary.pruned.get_or_insert_default().extend(pruned);
            if let Err(failure) = done {
                self.fail(id, failure, summary);
            }
        }
        Ok(())
    }

    fn fail(&self, id: ElementId, failure: Failure, summary: &mut Summary) {
        let outcome = ElementOutcome { error: Some(failure), ..ElementOutcome::new(Some(id), Status::Failed) };
        summary.add(&outcome);
        self.events.tell_blocking(Event::Finished(Box::new(outcome)));
    }
}

/// Removes what of the history of `id` expires, tells of each version, and gives what was removed even where that fails.
/// Not for a thread of the runtime.
pub(crate) fn element(
    (store, events): (&LocalStore, &Events),
    id: &ElementId,
    keep: &Keep,
) -> (Pruned, Result<(), Failure>) {
    let mut pruned = Pruned::default();
    let done = store
        .expired(id, keep)
        .and_then(|expired| store.prune(id, &expired, |version| tell(events, id, version, &mut pruned)));
    (pruned, done)
}

/// The same, but nothing is removed.
fn foresee((store, events): (&LocalStore, &Events), id: &ElementId, keep: &Keep) -> (Pruned, Result<(), Failure>) {
    let mut pruned = Pruned { foreseen: true, ..Pruned::default() };
    let expired = store.expired(id, keep);
    let done = expired.map(|expired| expired.iter().for_each(|version| tell(events, id, version, &mut pruned)));
    (pruned, done)
}

fn tell(events: &Events, id: &ElementId, version: &PastVersion, pruned: &mut Pruned) {
    // Only versions that can be read expire.
    let bytes = version.size().unwrap_or(0);
    pruned.add(bytes);
    let (what, when) = (id.to_string(), version.when.clone());
    events.tell_blocking(Event::Pruned { what, when, bytes, foreseen: pruned.foreseen });
}
