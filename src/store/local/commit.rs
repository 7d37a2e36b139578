//! Committing: sealed versions take their places in groups, one flush a group.
//!
//! ```text
//! seal ─► flush ─► exchange, strangers, history ─► flush ─► remove staging, answer
//!          ▲ one flush serves both: the data of this group and the renames of the group before ▲
//! ```

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::dir::Dir;
use super::flush::Flusher;
use super::stage::{Stage, VERSION};
use super::standing::{self, Occupant};
use super::{LocalStore, Own};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure, RunError};
use crate::event::{Event, Events};
use crate::layout::MANIFEST;
use crate::manifest::Manifest;
use crate::time::Time;

/// How many sealed versions may wait for the committer.
const QUEUE: usize = 256;

/// The name of the seal in an element's staging folder.
pub(super) const SEALED: &str = "sealed";
/// Where the superseded folder waits, on file systems that can't exchange two.
pub(super) const OLD: &str = "old";

/// What a commit is to do, written down before it is begun: enough to finish it after any interruption.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The digest of the new `manifest.json`.
    pub(super) manifest: Digest,
    /// What becomes of the folder that stands; none where there is none.
    pub(super) superseded: Option<Superseded>,
}

/// What becomes of a superseded folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Superseded {
    pub(super) fate: Fate,
    /// The folder's name under `history/<id>/` or `damaged/<id>/`.
    pub(super) when: String,
    /// Files that were found damaged; they were put aside, and the new version may have them whole.
    pub(super) damaged: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fate {
    /// A version: it goes to history.
    History,
    /// It holds nothing that the new version does not.
    Discard,
    /// No version could be made out in it: it is put aside whole.
    Damaged,
}

/// A version that is complete in its stage, ready to be committed.
pub struct Candidate {
    /// Where it was put together.
    pub stage: Stage,
    /// What it holds.
    pub manifest: Manifest,
    /// The digest of its `manifest.json`.
    pub digest: Digest,
    /// What stands in its place.
    pub occupant: Occupant,
}

struct Job {
    candidate: Candidate,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// A job whose seal is written.
struct Sealed {
    job: Job,
    seal: Seal,
}

/// The thread that commits.
pub struct Committer {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts the thread. After `stop` is cancelled, versions that still wait are given back as interrupted.
    ///
    /// # Errors
    /// The thread can't be started, or the destination was opened to look only.
    pub fn start(store: &LocalStore, events: Events, stop: CancellationToken) -> Result<Self, RunError> {
        let broken = |error: &dyn std::fmt::Display| RunError::Broken(format!("can't start committing: {error}"));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let own = store.own().map_err(|error| broken(&error))?;
        let root = store.root().map_err(|error| broken(&error))?;
        let flusher = Flusher::choose(root, own.no_sync).map_err(|error| broken(&error))?;
        let work =
            Work { store: store.clone(), queue, flusher, events, stop, told_no_exchange: AtomicBool::new(false) };
        let thread = std::thread::Builder::new().name("commit".into()).spawn(move || work.run());
        Ok(Self { jobs, thread: thread.map_err(|error| broken(&error))? })
    }

    /// Hands a version over, waiting for room; what comes back answers when it is durable.
    pub async fn submit(&self, candidate: Candidate) -> oneshot::Receiver<Result<(), Failure>> {
        let (done, answer) = oneshot::channel();
        // A committer that is gone drops the job, and with it the sender that the answer waits for.
        let _ = self.jobs.send(Job { candidate, done }).await;
        answer
    }

    /// Waits until everything handed over is answered.
    pub fn finish(self) {
        drop(self.jobs);
        // A panic of the thread has been printed by then, and each answer tells of it.
        let _ = self.thread.join();
    }
}

struct Work {
    store: LocalStore,
    queue: mpsc::Receiver<Job>,
    flusher: Flusher,
    events: Events,
    stop: CancellationToken,
    told_no_exchange: AtomicBool,
}

impl Work {
    fn run(mut self) {
        let mut published: Vec<Sealed> = Vec::new();
        loop {
            let group = self.next_group(published.is_empty());
            if group.is_empty() && published.is_empty() {
                return;
            }
            let group: Vec<Sealed> = group.into_iter().filter_map(|job| self.seal(job)).collect();
            let (group, published_before) = self.flush(group, std::mem::take(&mut published));
            for sealed in published_before {
                self.finish(sealed);
            }
            published = group.into_iter().filter_map(|sealed| self.publish(sealed)).collect();
        }
    }

    /// Whatever is ready; waits for it only where `may_wait`. Nothing when all is done.
    fn next_group(&mut self, may_wait: bool) -> Vec<Job> {
        let mut group = Vec::new();
        if may_wait {
            group.extend(self.queue.blocking_recv());
        }
        while group.len() < QUEUE
            && let Ok(job) = self.queue.try_recv()
        {
            group.push(job);
        }
        if self.stop.is_cancelled() {
            for job in group.drain(..) {
                answer(job, Err(Failure::new(ErrorKind::Interrupted, "the run was interrupted before the commit")));
            }
        }
        group
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
        let seal = Seal { manifest: candidate.digest, superseded: superseded(own, candidate)? };
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
        sealed.job.candidate.stage.keep = true;
        let taken = self.take_place(&sealed);
        if taken.is_err() {
            // Nothing was moved, or all was moved back: the stage may go.
            let stage = &mut sealed.job.candidate.stage;
            stage.keep = stage.dir.has(OLD).unwrap_or(true);
        }
        let Sealed { job, seal } = &sealed;
        let stage = &job.candidate.stage;
        let cleared = taken.and_then(|()| match &seal.superseded {
            Some(superseded) => clear_away((self.store.root()?, self.store.own()?), &stage.dir, &stage.id, superseded),
            None => Ok(()),
        });
        match cleared {
            Ok(()) => Some(sealed),
            Err(failure) => fail(sealed.job, failure),
        }
    }

    fn take_place(&self, Sealed { job, seal }: &Sealed) -> Result<(), Failure> {
        let stage = &job.candidate.stage;
        let exchanged = exchange(self.store.root()?, &stage.dir, &stage.id, seal.superseded.is_some())?;
        if !exchanged && !self.told_no_exchange.swap(true, Relaxed) {
            self.events.hint(Event::Warned {
                what: self.store.path().display().to_string(),
                message: "this file system can't exchange folders: while an element is replaced, its folder may be \
                          missing for an instant"
                    .into(),
            });
        }
        Ok(())
    }

    /// Step (e): all is durable; the staging folder goes, and the element is answered.
    fn finish(&self, mut sealed: Sealed) {
        sealed.job.candidate.stage.keep = false;
        answer(sealed.job, Ok(()));
    }
}

fn answer(job: Job, result: Result<(), Failure>) {
    // The stage goes first: when the answer is heard, nothing of it is left.
    drop(job.candidate);
    // Whoever asked may have been interrupted.
    let _ = job.done.send(result);
}

/// A version that was answered goes no further.
fn fail<T>(job: Job, failure: Failure) -> Option<T> {
    answer(job, Err(failure));
    None
}

/// Decides what becomes of the folder that stands, and puts its damaged files aside.
fn superseded(own: &Own, candidate: &Candidate) -> Result<Option<Superseded>, Failure> {
    let id = candidate.stage.id.as_str();
    let (fate, time, damaged) = match &candidate.occupant {
        Occupant::Nothing => return Ok(None),
        Occupant::Remains(_) => (Fate::Damaged, Time::now(), Vec::new()),
        Occupant::Version(version) => {
            let standing = &version.standing;
            let same = standing.manifest.holds_same(&candidate.manifest);
            let fate = if same { Fate::Discard } else { Fate::History };
            (fate, standing.manifest.committed_at, standing.damaged.clone())
        }
    };
    if let Occupant::Version(version) = &candidate.occupant {
        put_aside(own, version, id).map_err(|error| Failure::io(format!("put damaged files of {id} aside"), &error))?;
    }
    let shelf = if fate == Fate::Damaged { "damaged" } else { "history" };
    let when = free_name(&own.own, &format!("{shelf}/{id}"), &time.to_compact());
    let when =
        when.map_err(|error| Failure::io(format!("look for a free name for the old version of {id}"), &error))?;
    Ok(Some(Superseded { fate, when, damaged }))
}

/// A second name under `damaged/<id>/<when>/` for each damaged file. A folder in a file's place has to wait until the
/// version is superseded: it can only be moved.
fn put_aside(own: &Own, version: &standing::Version, id: &str) -> std::io::Result<()> {
    let mut damaged = Vec::new();
    for file in &version.standing.damaged {
        match version.dir.entry(file) {
            Ok(entry) if entry.is_dir => {}
            Ok(_) => damaged.push(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if damaged.is_empty() {
        return Ok(());
    }
    let aside = new_aside(own, id)?;
    damaged.into_iter().try_for_each(|file| version.dir.share(file, &aside, file))?;
    flush_aside(own, id, &aside)
}

/// A new folder under `damaged/<id>/`.
fn new_aside(own: &Own, id: &str) -> std::io::Result<Dir> {
    let shelf = own.own.ensure("damaged")?.ensure(id)?;
    shelf.make(&free_name(&own.own, &format!("damaged/{id}"), &Time::now().to_compact())?)
}

/// Damage is rare: what was put aside is flushed there and then.
fn flush_aside(own: &Own, id: &str, aside: &Dir) -> std::io::Result<()> {
    if own.no_sync {
        return Ok(());
    }
    aside.sync_with_files()?;
    let damaged = own.own.dir("damaged")?;
    [&damaged.dir(id)?, &damaged, &own.own].into_iter().try_for_each(Dir::sync)
}

/// A name for a folder on `shelf`: `base`, such as `20261123T080000Z`, or with `-2`, `-3`… where that is taken.
fn free_name(own: &Dir, shelf: &str, base: &str) -> std::io::Result<String> {
    let mut name = base.to_owned();
    let mut number = 1;
    while own.has(&format!("{shelf}/{name}"))? {
        number += 1;
        name = format!("{base}-{number}");
    }
    Ok(name)
}

/// Step (b): the new version takes its place, that of another one where that `stands`; false where the file system can't
/// exchange folders.
pub(super) fn exchange(root: &Dir, staged: &Dir, id: &ElementId, stands: bool) -> Result<bool, Failure> {
    let id = id.as_str();
    let cannot = |error: std::io::Error| {
        let immovable = [Errno::XDEV, Errno::BUSY].iter().any(|no| error.raw_os_error() == Some(no.raw_os_error()));
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

/// Steps (c) and (d): strangers' files move into the new version, the superseded folder to where it belongs. May be
/// begun again after any interruption.
pub(super) fn clear_away(
    (root, own): (&Dir, &Own),
    staged: &Dir,
    id: &ElementId,
    superseded: &Superseded,
) -> Result<(), Failure> {
    let clear_away = || {
        let place = if staged.has(OLD)? { OLD } else { VERSION };
        match staged.dir(place) {
            Ok(old) => {
                let shelf = clear(&old, &root.dir(id.as_str())?, (own, id), superseded)?;
                shelf.map_or(Ok(()), |shelf| shelve(own, (staged, place), (shelf, id), &superseded.when))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            // Somebody's link or file, that took the old folder's place just before the exchange.
            Err(error) if standing::is_no_folder(&error) => {
                shelve(own, (staged, place), ("damaged", id), &superseded.when)
            }
            Err(error) => Err(error),
        }
    };
    clear_away().map_err(|error| Failure::io(format!("clear away the superseded version of {id}"), &error))
}

/// Moves strangers' files from the superseded folder `old` to the new one, and says on which shelf `old` is to be kept,
/// if it is.
fn clear(
    old: &Dir,
    new: &Dir,
    (own, id): (&Own, &ElementId),
    superseded: &Superseded,
) -> std::io::Result<Option<&'static str>> {
    let manifest_of = |dir: &Dir| dir.read(MANIFEST).ok().and_then(|bytes| Manifest::parse(&bytes, id).ok());
    let old_manifest = manifest_of(old).filter(|_| superseded.fate != Fate::Damaged);
    let new_manifest = manifest_of(new);
    let mut left_behind = false;
    for name in standing::strangers(old, old_manifest.as_ref())? {
        match old.rename_new(&name, new, &name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => left_behind = true,
            done => done?,
        }
    }
    let Some(old_manifest) = old_manifest else {
        return Ok((!old.list()?.is_empty()).then_some("damaged"));
    };
    for file in &superseded.damaged {
        heal((old, &old_manifest), file, (new, new_manifest.as_ref()), (own, id))?;
    }
    // It is asked again whether the new version has it all: the folder may have been changed since the seal was written.
    let same = new_manifest.is_some_and(|new_manifest| old_manifest.holds_same(&new_manifest));
    // A stranger that found no place in the new version is kept with the old one.
    let is_discarded = superseded.fate == Fate::Discard && same && !left_behind;
    Ok((!is_discarded).then_some("history"))
}

/// Moves the superseded folder to `<shelf>/<id>/<when>`; where that was taken meanwhile, to a name beside it.
fn shelve(
    own: &Own,
    (staged, place): (&Dir, &str),
    (shelf, id): (&str, &ElementId),
    when: &str,
) -> std::io::Result<()> {
    let folder = own.own.ensure(shelf)?.ensure(id.as_str())?;
    match staged.rename_new(place, &folder, when) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let free = free_name(&own.own, &format!("{shelf}/{id}"), when)?;
            staged.rename_new(place, &folder, free)
        }
        done => done,
    }
}

/// Replaces a damaged file of a superseded version, put aside before, by the same bytes of the new one.
fn heal(
    (old, manifest): (&Dir, &Manifest),
    file: &str,
    (new, new_manifest): (&Dir, Option<&Manifest>),
    (own, id): (&Own, &ElementId),
) -> std::io::Result<()> {
    match old.entry(file) {
        Ok(entry) if entry.is_dir => {
            let aside = new_aside(own, id.as_str())?;
            old.rename_new(file, &aside, file)?;
            flush_aside(own, id.as_str(), &aside)?;
        }
        Ok(_) => old.remove_file(file)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let digest = manifest.own_files().find(|own| own.0 == file).map(|own| own.2);
    let whole = new_manifest.and_then(|manifest| manifest.own_files().find(|own| Some(own.2) == digest));
    let Some((whole, ..)) = whole else { return Ok(()) };
    new.share(whole, old, file)?;
    if own.no_sync { Ok(()) } else { old.sync_with_files() }
}

#[cfg(test)]
pub(super) mod tests;
