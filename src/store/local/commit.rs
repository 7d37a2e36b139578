//! Committing: sealed versions take their places in groups, one flush a group.
//!
//! ```text
//! seal ─► flush ─► exchange, strangers, history ─► flush ─► remove staging, answer
//!          ▲ one flush serves both: the data of this group and the renames of the group before ▲
//! ```

use std::cell::Cell;
use std::sync::Arc;

use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::draft;
use super::flush::Flusher;
use super::recover;
use super::seal::{Displaced, Fate, OLD, SEALED, Seal, Site, VERSION};
use super::shelf::{Shelf, put_aside};
use super::standing::Occupant;
use super::{LocalStore, Own};
use crate::error::{ErrorKind, Failure, RunError};
use crate::event::Events;
use crate::store::commit::{self, Committer, broken};
use crate::store::dir::Dir;
use crate::store::stage::{Leaves, Stage};
use crate::time::Time;

pub(super) type Candidate = commit::Candidate<Arc<Dir>>;
type Job = commit::Job<Arc<Dir>>;

/// A job whose seal is written.
struct Sealed {
    job: Job,
    seal: Seal,
}

/// How many sealed versions may wait for the committer.
const QUEUE: usize = 256;

/// Starts the committer of `store`. After `stop` is cancelled, versions that still wait are given back as interrupted.
///
/// # Errors
/// The thread can't be started, or the destination was opened to look only.
pub(super) fn start(
    store: &LocalStore,
    events: Events,
    stop: CancellationToken,
) -> Result<Committer<Arc<Dir>>, RunError> {
    let own = store.own().map_err(|error| broken(&error))?;
    let root = store.root().map_err(|error| broken(&error))?;
    let flusher = Flusher::choose(root, own.no_sync).map_err(|error| broken(&error))?;
    let store = store.clone();
    Committer::start(QUEUE, move |queue| {
        Work { store, queue, flusher, events, stop, told_no_exchange: Cell::new(false) }.run();
    })
}

struct Work {
    store: LocalStore,
    queue: mpsc::Receiver<Job>,
    flusher: Flusher,
    events: Events,
    stop: CancellationToken,
    /// Only the committer's own thread looks at it.
    told_no_exchange: Cell<bool>,
}

impl Work {
    fn run(mut self) {
        let mut published: Vec<Sealed> = Vec::new();
        while let Some(group) = self.next_group(published.is_empty()) {
            let group: Vec<Sealed> = group.into_iter().filter_map(|job| self.seal(job)).collect();
            let (group, published_before) = self.flush(group, std::mem::take(&mut published));
            for sealed in published_before {
                self.finish(sealed);
            }
            published = group.into_iter().filter_map(|sealed| self.publish(sealed)).collect();
        }
    }

    /// The versions that are ready now. Where there are none, it waits for one if it `may_wait`. None when nothing more
    /// can come.
    fn next_group(&mut self, may_wait: bool) -> Option<Vec<Job>> {
        let mut group = Vec::new();
        if may_wait {
            group.push(self.queue.blocking_recv()?);
        }
        while group.len() < QUEUE
            && let Ok(job) = self.queue.try_recv()
        {
            group.push(job);
        }
        if self.stop.is_cancelled() {
            for job in group.drain(..) {
                job.answer(Err(Failure::new(ErrorKind::Interrupted, "the run ended before its commit")));
            }
        }
        Some(group)
    }

    /// Step (a): puts damaged files aside and writes the seal.
    fn seal(&self, job: Job) -> Option<Sealed> {
        match self.try_seal(&job.candidate) {
            Ok(seal) => Some(Sealed { job, seal }),
            Err(failure) => fail(job, failure),
        }
    }

    fn try_seal(&self, candidate: &Candidate) -> Result<Seal, Failure> {
        let own = self.store.own()?;
        let seal = Seal { manifest: candidate.digest, superseded: displaced(own, candidate)? };
        let text = serde_json::to_vec(&seal).unwrap_or_default();
        let dir = &candidate.stage.dir;
        let written = dir.write(SEALED, &text, None);
        written.map_err(|error| Failure::io(format!("write {}", dir.at(SEALED)), &error))?;
        Ok(seal)
    }

    /// Flushes the data of `group` and the renames of `published`; what can't be flushed is answered as failed.
    fn flush(&self, group: Vec<Sealed>, published: Vec<Sealed>) -> (Vec<Sealed>, Vec<Sealed>) {
        fn stage(sealed: &Sealed) -> &Stage {
            &sealed.job.candidate.stage
        }
        let stages = (group.iter().map(stage).collect::<Vec<_>>(), published.iter().map(stage).collect::<Vec<_>>());
        let (data, renames) = self.flusher.flush(&self.store, &stages.0, &stages.1);
        let good = |sealed: Vec<Sealed>, results: Vec<Result<(), Failure>>| {
            let pairs = sealed.into_iter().zip(results);
            pairs
                .filter_map(|(sealed, result)| match result {
                    Ok(()) => Some(sealed),
                    Err(failure) => fail(sealed.job, failure),
                })
                .collect()
        };
        (good(group, data), good(published, renames))
    }

    /// Steps (b) to (d): the version takes its place.
    fn publish(&self, mut sealed: Sealed) -> Option<Sealed> {
        // From here on the stage holds what recovery needs, or even the standing version.
        sealed.job.candidate.stage.leaves = Leaves::All;
        if let Err(failure) = self.take_place(&sealed) {
            if still_staged(&sealed) {
                let Candidate { stage, has_news, .. } = &mut sealed.job.candidate;
                stage.leaves = Leaves::Draft;
                if *has_news {
                    // As a draft it waits for a run that can put it in its place. Where even that fails, it is fetched
                    // again.
                    let _ = self.store.own().and_then(|own| draft::keep(own, stage));
                }
            }
            return fail(sealed.job, failure);
        }
        let cleared = match &sealed.seal.superseded {
            Some(displaced) => self.site(&sealed).and_then(|site| site.clear_away(displaced)),
            None => Ok(()),
        };
        match cleared {
            Ok(()) => Some(sealed),
            Err(failure) => fail(sealed.job, failure),
        }
    }

    fn site<'a>(&'a self, sealed: &'a Sealed) -> Result<Site<'a>, Failure> {
        let stage = &sealed.job.candidate.stage;
        Ok(Site { root: self.store.root()?, own: self.store.own()?, staged: &stage.dir, id: &stage.id })
    }

    fn take_place(&self, sealed: &Sealed) -> Result<(), Failure> {
        let exchanged = self.site(sealed)?.exchange(sealed.seal.superseded.is_some())?;
        if !exchanged && !self.told_no_exchange.replace(true) {
            let message = "this file system can't exchange folders: while an element is replaced, its folder may be \
                           missing for an instant";
            self.events.warn_blocking(self.store.0.path.display(), message);
        }
        Ok(())
    }

    /// Step (e): all is durable; the staging folder goes, and the element is answered.
    fn finish(&self, mut sealed: Sealed) {
        sealed.job.candidate.stage.leaves = Leaves::Nothing;
        sealed.job.answer(Ok(()));
    }
}

/// Whether a version that did not take its place is where it was: nothing was moved, or all was moved back.
fn still_staged(sealed: &Sealed) -> bool {
    let dir = &sealed.job.candidate.stage.dir;
    dir.has(OLD).is_ok_and(|moved| !moved)
        && recover::manifest_digest(dir, VERSION).is_ok_and(|digest| digest == Some(sealed.seal.manifest))
}

/// Answers a version as failed. There is nothing to go on with then.
fn fail<T>(job: Job, failure: Failure) -> Option<T> {
    job.answer(Err(failure));
    None
}

/// Decides what becomes of the folder that stands, and puts its damaged files aside.
fn displaced(own: &Own, candidate: &Candidate) -> Result<Option<Displaced>, Failure> {
    let id = &candidate.stage.id;
    let (fate, time, damaged) = match &candidate.occupant {
        Occupant::Nothing => return Ok(None),
        Occupant::Remains(_) => (Fate::Damaged, Time::now(), Vec::new()),
        Occupant::Version(version) => {
            let checked = &version.checked;
            let aside = put_aside(own, id, &version.place, &checked.damaged);
            let damaged = aside.map_err(|error| Failure::io(format!("put damaged files of {id} aside"), &error))?;
            let is_all = damaged.len() == checked.damaged.len();
            let same = is_all && checked.manifest.holds_same(&candidate.manifest);
            let fate = if same { Fate::Discard } else { Fate::History };
            (fate, checked.manifest.committed_at, damaged)
        }
    };
    let shelf = if fate == Fate::Damaged { Shelf::Damaged } else { Shelf::History };
    let when = shelf.free_name(own, id, &time.to_compact());
    let when = when.map_err(|error| Failure::io(format!("name the old version of {id}"), &error))?;
    Ok(Some(Displaced { fate, when, damaged }))
}

impl Site<'_> {
    /// Step (b): the new version takes its place, where something `stands` or not. False where it had to be moved in
    /// two steps, since the file system can't exchange folders.
    pub(super) fn exchange(&self, stands: bool) -> Result<bool, Failure> {
        let Self { root, staged, .. } = self;
        let id = self.id.as_str();
        let cannot = |error: std::io::Error| {
            let immovable = matches!(Errno::from_io_error(&error), Some(Errno::XDEV | Errno::BUSY));
            let failure = Failure::io(format!("replace {}", root.at(id)), &error);
            if immovable { Failure { kind: ErrorKind::CannotReplace, ..failure } } else { failure }
        };
        if !stands {
            return match staged.rename_new(VERSION, root, id) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    let message = format!("{} has appeared meanwhile; it is not touched", root.at(id));
                    Err(Failure::new(ErrorKind::FolderTaken, message))
                }
                done => done.map(|()| true).map_err(cannot),
            };
        }
        if staged.exchange(VERSION, root, id).map_err(cannot)? {
            return Ok(true);
        }
        root.rename_new(id, staged, OLD).map_err(cannot)?;
        staged.rename_new(VERSION, root, id).map_err(|error| {
            // The standing version goes back; where even that fails, the next run's recovery does it.
            let _ = staged.rename_new(OLD, root, id);
            cannot(error)
        })?;
        Ok(false)
    }
}

#[cfg(test)]
pub(super) mod tests;
