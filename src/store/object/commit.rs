//! Committing to a bucket. Wholeness comes from the order: an object is there before anything refers to it, and is
//! never overwritten with other bytes.
//!
//! ```text
//! data objects ─► superseded manifest into history ─► manifest, in one conditional put ─► SHA256SUMS
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bucket::{Body, Condition, Refused, Revision};
use super::shelf::Shelf;
use super::standing::{Occupant, Version, place};
use super::upload::Upload;
use super::{AT_A_TIME, BucketStore, unless_ended, within_grace};
use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::event::Events;
use crate::layout::SUMS;
use crate::manifest::{Manifest, OwnFile};
use crate::store::commit::{self, Committer, broken};
use crate::time::Time;

type Candidate = commit::Candidate<Arc<Revision>>;
type Job = commit::Job<Arc<Revision>>;

/// How many elements are committed at a time, beside those that are in flight. (Each waits for a few requests in a
/// row.)
const COMMITS: usize = 16;

/// Starts the committer of `store`.
pub(super) fn start(
    store: &BucketStore,
    events: Events,
    stop: CancellationToken,
) -> Result<Committer<Arc<Revision>>, RunError> {
    store.staging().map_err(|error| broken(&error))?;
    let work = Work { store: store.clone(), events, stop };
    Committer::start(1, move |mut queue| {
        let runtime = work.store.0.runtime.clone();
        let (work, places) = (Arc::new(work), Arc::new(Semaphore::new(COMMITS)));
        runtime.block_on(async {
            let mut commits = JoinSet::new();
            // A place first, and then a version: one that waits for a place is not taken from the queue, and its
            // element keeps its slot in flight.
            while let Ok(place) = Arc::clone(&places).acquire_owned().await
                && let Some(job) = queue.recv().await
            {
                let work = Arc::clone(&work);
                commits.spawn_on(
                    async move {
                        work.take_up(job).await;
                        drop(place);
                    },
                    &runtime,
                );
                while commits.try_join_next().is_some() {}
            }
            while commits.join_next().await.is_some() {}
        });
    })
}

struct Work {
    store: BucketStore,
    events: Events,
    stop: CancellationToken,
}

impl Work {
    async fn take_up(&self, job: Job) {
        let done = self.commit(&job.candidate).await;
        job.answer(done);
    }

    async fn commit(&self, candidate: &Candidate) -> Result<(), Failure> {
        let (id, manifest) = (candidate.stage.id(), &candidate.manifest);
        unless_ended(&self.stop, self.put_aside(candidate)).await?;
        // This is not cut off, but ends by itself when the run does: it has uploads to abort.
        self.put_files(candidate).await?;
        unless_ended(&self.stop, self.keep_superseded(candidate)).await?;
        let bytes = Bytes::from(manifest.to_bytes());
        if self.stop.is_cancelled() {
            return Err(Failure::ended());
        }
        // With a little time left after the run's end: cut off at once, nobody would know whether the manifest stands.
        within_grace(&self.stop, self.put_manifest(id, bytes, condition(&candidate.occupant))).await?;
        if let Err(failure) = within_grace(&self.stop, self.store.put_sums(id, manifest)).await {
            // It may lag: the manifest decides.
            let message = format!("{SUMS} is not up to date: {failure}");
            self.events.warn(id, message).await;
        }
        Ok(())
    }

    /// Puts every object that the standing manifest does not name, even if it is there already: another run's pruning
    /// may be about to remove it, which it does not do with an object that has just been put.
    async fn put_files(&self, Candidate { stage, manifest, occupant, .. }: &Candidate) -> Result<(), Failure> {
        let standing = good_names(occupant);
        let files = manifest.own_files().filter(|file| !standing.contains(file.name));
        // Where one fails the others end too, but each in order.
        let stop = &self.stop.child_token();
        let puts = files.map(|OwnFile { name, media_type, .. }| async move {
            let staged = stage.version.file(name);
            let staged = staged.map_err(|error| Failure::io(format!("read {}", stage.version.at(name)), &error))?;
            let path = format!("{}/{name}", stage.id);
            let (bucket, room) = (&self.store.0.bucket, &self.store.0.room);
            Upload { bucket, room, path: &path, media_type, stop }.put(&staged).await
        });
        // Collected, since the compiler does not see that what borrows from the manifest may move between threads.
        let mut puts = futures::stream::iter(puts.collect::<Vec<_>>()).buffer_unordered(AT_A_TIME);
        let mut failed = None;
        while let Some(done) = puts.next().await {
            if let Err(failure) = done {
                stop.cancel();
                failed.get_or_insert(failure);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Gives each of the damaged objects whose place is going to be taken a copy under `damaged/`.
    async fn put_aside(&self, Candidate { stage, manifest, occupant, .. }: &Candidate) -> Result<(), Failure> {
        let Some(standing) = occupant.standing() else { return Ok(()) };
        let files = manifest.own_files().map(|file| file.name);
        let damaged: Vec<&str> = files.filter(|file| standing.damaged.iter().any(|other| other == file)).collect();
        self.store.put_aside(stage.id(), &damaged).await
    }

    /// Keeps the manifest that is to be superseded, unless the new one says all that it says. An earlier try may have
    /// kept it already.
    async fn keep_superseded(&self, Candidate { stage, manifest, occupant, .. }: &Candidate) -> Result<(), Failure> {
        let bucket = &self.store.0.bucket;
        let (shelf, when, revision) = match occupant {
            Occupant::Nothing => return Ok(()),
            Occupant::Remains(remains) => (Shelf::Damaged, Time::now(), &remains.place),
            Occupant::Version(version) => {
                let new: HashSet<&str> = manifest.own_files().map(|file| file.name).collect();
                let is_in_new = |file: &str| new.contains(file);
                let old = &version.checked;
                let is_all_in_new = old.manifest.own_files().all(|file| is_in_new(file.name));
                if is_all_in_new && old.manifest.holds_same(manifest) {
                    return Ok(());
                }
                // What is kept in history is whole.
                let is_whole = old.damaged.iter().all(|file| is_in_new(file));
                let shelf = if is_whole { Shelf::History } else { Shelf::Damaged };
                (shelf, old.manifest.committed_at, &version.place)
            }
        };
        shelf.keep_manifest(bucket, (&stage.id, &when.to_compact()), &revision.bytes).await
    }

    /// Puts the manifest, if what it was planned against still stands.
    async fn put_manifest(&self, id: &ElementId, bytes: Bytes, condition: Condition<'_>) -> Result<(), Failure> {
        let put = self.store.0.bucket.put_once(&place(id), Body::json(bytes), condition).await;
        put.map_err(|refused| match refused {
            Refused::Condition(failure) | Refused::Otherwise(failure) => failure,
        })
    }
}

impl BucketStore {
    /// Gives each of these damaged objects of `id`, as far as they are there, a copy under `damaged/`.
    pub(super) async fn put_aside(&self, id: &ElementId, damaged: &[&str]) -> Result<(), Failure> {
        if damaged.is_empty() {
            return Ok(());
        }
        let bucket = &self.0.bucket;
        let aside = Shelf::Damaged.free_place(bucket, id, &Time::now().to_compact()).await?;
        for file in damaged {
            let from = format!("{id}/{file}");
            if bucket.head(&from).await?.is_some() {
                bucket.copy(&from, &format!("{aside}/{file}")).await?;
            }
        }
        Ok(())
    }

    /// Puts the list of the data objects that `manifest` names.
    pub(super) async fn put_sums(&self, id: &ElementId, manifest: &Manifest) -> Result<(), Failure> {
        let sums = manifest.sums_of_data();
        self.0.bucket.put(&format!("{id}/{SUMS}"), Body::text(sums)).await
    }

    /// Puts that list where there is none, as after a run that was killed. It may lag, so that it can't be put is no
    /// failure: the next run looks again.
    pub(super) async fn put_lost_sums(&self, id: &ElementId, manifest: &Manifest) {
        let (path, sums) = (format!("{id}/{SUMS}"), manifest.sums_of_data());
        // On a condition: another run may have put that of a newer version meanwhile.
        let _ = self.0.bucket.put_if(&path, Body::text(sums), Condition::Absent).await;
    }
}

/// The names that the standing manifest vouches for.
fn good_names(occupant: &Occupant) -> HashSet<&str> {
    let Some(standing) = occupant.standing() else { return HashSet::new() };
    let names = standing.manifest.own_files().map(|file| file.name);
    names.filter(|name| !standing.damaged.iter().any(|damaged| damaged == name)).collect()
}

/// On what the manifest is put: that what was planned against still stands.
fn condition(occupant: &Occupant) -> Condition<'_> {
    match occupant {
        Occupant::Nothing => Condition::Absent,
        Occupant::Version(version) => {
            let Version { place, .. } = version.as_ref();
            Condition::Still(place)
        }
        Occupant::Remains(remains) => Condition::Still(&remains.place),
    }
}

#[cfg(test)]
mod tests;
