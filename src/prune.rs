//! Pruning: superseded versions that the rules let go are removed, of every element, also of those that are gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rayon::prelude::*;

use crate::element::ElementId;
use crate::error::Failure;
use crate::event::{Event, Events};
use crate::keep::Keep;
use crate::layout::MANIFEST;
use crate::outcome::{ElementOutcome, End, Pruned, Status, Summary};
use crate::stop::Stop;
use crate::store::past::SupersededVersion;
use crate::store::{Opened, Recovered, Store};

/// How many elements are pruned at a time: flushes that are asked for together are done together.
pub(crate) const THREADS: usize = 16;

/// What pruning does.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PruneOptions {
    /// What is kept: by default all.
    pub keep: Keep,
    /// Say what would be removed, and write nothing.
    pub dry_run: bool,
}

/// Prunes a mirror.
pub struct Prune<S> {
    store: S,
    options: PruneOptions,
    recovered: Recovered,
    events: Events,
    stop: Stop,
}

impl<S: Store> Prune<S> {
    /// A pruning of the mirror that was `opened`: with [`Access::Change`](crate::store::Access::Change), or for a dry
    /// run with [`Access::Read`](crate::store::Access::Read). It tells `events` what it removes, and `stop` ends it
    /// early.
    pub fn new(opened: Opened<S>, options: PruneOptions, events: Events, stop: Stop) -> Self {
        let Opened { store, recovered } = opened;
        Self { store, options, recovered, events, stop }
    }

    /// Applies the rules to every element that has a history. The failure of one element stops no other; each version
    /// that is removed is told as an [`Event::Pruned`].
    pub async fn run(mut self) -> Summary {
        // What an earlier pruning could not remove is a warning to other commands, and to this one a failure.
        let unfinished = std::mem::take(&mut self.recovered.unpruned);
        std::mem::take(&mut self.recovered).tell(&self.events).await;
        let (events, stop) = (self.events.clone(), self.stop.clone());
        // On a thread that may wait for files.
        let pruned = tokio::task::spawn_blocking(move || self.walk(unfinished)).await;
        let mut summary = pruned.unwrap_or_else(|error| {
            stop.end(End::Broken(format!("pruning broke down, please report it: {error}")));
            Summary::default()
        });
        summary.ends = stop.ends();
        events.tell(Event::Ended(Box::new(summary.clone()))).await;
        summary
    }

    /// `unfinished` is what could not be removed of elements whose pruning was begun before.
    fn walk(&self, unfinished: Vec<(ElementId, Failure)>) -> Summary {
        let started = Instant::now();
        let pruned = Pruned { dry_run: self.options.dry_run, ..Pruned::default() };
        let summary = Mutex::new(Summary { pruned: Some(pruned), ..Summary::default() });
        for (id, failure) in unfinished {
            self.fail(id, failure, &summary);
        }
        if let Err(broken) = self.each(|id| self.take_up(id, &summary)) {
            self.stop.end(End::Broken(broken));
        }
        let summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        Summary { elapsed: started.elapsed(), ..summary }
    }

    /// Does `work` for each element that may have something to prune, several at a time: most of it is waiting for the
    /// disk.
    fn each(&self, work: impl Fn(ElementId) + Send + Sync) -> Result<(), String> {
        let elements = self.store.elements_to_prune().map_err(|error| error.to_string())?;
        let elements = elements.into_iter().take_while(|_| !self.stop.token().is_cancelled()).par_bridge();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build();
        let pool = pool.map_err(|error| format!("can't start pruning: {error}"))?;
        pool.install(|| elements.for_each(work));
        Ok(())
    }

    fn take_up(&self, id: ElementId, summary: &Mutex<Summary>) {
        let at = (&self.store, &self.events);
        let scope = if self.options.dry_run { Scope::DryRun } else { Scope::Thorough };
        let (pruned, done) = apply(at, &id, &self.options.keep, scope);
        self.tell_of_damaged(&id);
        lock(summary).pruned.get_or_insert_default().extend(pruned);
        if let Err(failure) = done {
            self.fail(id, failure, summary);
        }
    }

    /// What can't be read is never removed, and whoever prunes is to know why it stays.
    fn tell_of_damaged(&self, id: &ElementId) {
        let past = self.store.history(id).unwrap_or_default();
        for SupersededVersion { when, manifest, .. } in past {
            if let Err(why) = manifest {
                self.events.warn_blocking(id, format!("the superseded version {when} stays: its {MANIFEST} {why}"));
            }
        }
    }

    fn fail(&self, id: ElementId, failure: Failure, summary: &Mutex<Summary>) {
        let outcome = ElementOutcome { error: Some(failure), ..ElementOutcome::new(Some(id), Status::Failed) };
        lock(summary).add(&outcome);
        self.events.tell_blocking(Event::Finished(Box::new(outcome)));
    }
}

// The fold is whole after any panic: no call leaves it half changed.
fn lock(summary: &Mutex<Summary>) -> MutexGuard<'_, Summary> {
    summary.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is pruned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing: it is only said what would be.
    DryRun,
    /// Of elements of which a version expires.
    Expired,
    /// Of all, since an earlier pruning may have left something.
    Thorough,
}

/// Removes what expires of the history of `id`, or in a dry run only says so, and tells of each version. It also
/// returns what was removed before it failed, where it did. It blocks: not for a thread of the runtime.
pub(crate) fn apply<S: Store>(
    (store, events): (&S, &Events),
    id: &ElementId,
    keep: &Keep,
    scope: Scope,
) -> (Pruned, Result<(), Failure>) {
    let mut pruned = Pruned { dry_run: scope == Scope::DryRun, ..Pruned::default() };
    let mut told = |version: &SupersededVersion<S::Handle>| tell(events, id, version, &mut pruned);
    let done = store.expired(id, keep).and_then(|expired| match scope {
        Scope::DryRun => {
            expired.iter().for_each(told);
            Ok(())
        }
        // To look for what else might go would cost requests for every element that has not changed.
        Scope::Expired if expired.is_empty() => Ok(()),
        Scope::Expired | Scope::Thorough => store.prune(id, &expired, &mut told),
    });
    (pruned, done)
}

fn tell<P>(events: &Events, id: &ElementId, version: &SupersededVersion<P>, pruned: &mut Pruned) {
    // Only versions that can be read expire.
    let bytes = version.size().unwrap_or(0);
    pruned.add(bytes);
    let (what, when) = (id.to_string(), version.when.clone());
    events.tell_blocking(Event::Pruned { what, when, bytes, dry_run: pruned.dry_run });
}
