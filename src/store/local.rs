//! A mirror in a folder. What lies where is documented in `docs/format.md`, the protocol in `docs/design.md`.

mod clear;
pub mod commit;
mod dir;
mod draft;
mod elements;
mod flush;
mod gone;
mod heal;
pub mod history;
mod index;
pub mod inspect;
mod lock;
mod prune;
mod recover;
mod seal;
mod shelf;
pub mod stage;
pub mod standing;
mod unflushed;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure, RunError};
use crate::layout::OWN;
use crate::time::Time;
use dir::Dir;
use lock::Lock;
pub use recover::Recovered;
use stage::{Leaves, Stage};
use standing::{Occupant, Version};

/// The format of `.element-mirror` that this program writes, and the newest that it works on.
const FORMAT: u32 = 1;

/// How a destination is opened.
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {
    /// How long to wait for another run to end.
    pub lock_wait: Duration,
    /// Leave flushing to the operating system.
    pub no_sync: bool,
    /// Hash every file that is to be kept, also one that has its size and time.
    pub distrust: bool,
    /// Ends what takes long.
    pub stop: CancellationToken,
}

/// A destination folder. Cheap to clone.
#[derive(Clone)]
pub struct LocalStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// None only in a dry run into a folder that does not exist yet.
    root: Option<Dir>,
    /// None in a dry run, which writes nothing and takes no lock.
    own: Option<Own>,
    /// Elements of which an earlier run's version can't be put in its place, and why.
    stuck: HashMap<ElementId, Failure>,
    /// Elements of which an earlier run left a draft.
    drafts: HashSet<ElementId>,
    distrust: bool,
    stop: CancellationToken,
}

/// The program's own folders in the destination, under its lock.
struct Own {
    staging: Dir,
    history: Dir,
    gone: Dir,
    own: Dir,
    no_sync: bool,
    _lock: Lock,
}

/// A destination that was opened, and what was found to be finished or odd.
pub struct Opened {
    /// The destination.
    pub store: LocalStore,
    /// What an earlier run had left.
    pub recovered: Recovered,
}

impl LocalStore {
    /// Opens `path` for a run: makes it where it is not there, takes its lock, finishes what an earlier run sealed and
    /// removes what it left half done.
    ///
    /// # Errors
    /// The destination can't be used, or another run holds its lock.
    pub async fn open(path: &Path, options: &LocalOptions) -> Result<Opened, RunError> {
        let at = |what: &str, path: &Path| format!("{what} {}", path.display());
        let cannot = |source| RunError::io(at("can't use the destination", path), source);
        dir::create_all(path, !options.no_sync).map_err(cannot)?;
        let root = Dir::open(path).map_err(cannot)?;
        let own = root.ensure(OWN).map_err(cannot)?;
        root.check_writable().map_err(cannot)?;
        let lock = lock::acquire(&own, options.lock_wait).await?;
        settle_format(&own, path, !options.no_sync)?;
        match options.no_sync {
            true => unflushed::note(&root, &own).map_err(cannot)?,
            false => unflushed::make_up_for(path, &own, &options.stop)
                .await
                .map_err(|error| RunError::io(at("can't flush what an earlier run left unflushed in", path), error))?,
        }
        let own = Own {
            staging: own.ensure("staging").map_err(cannot)?,
            history: own.ensure("history").map_err(cannot)?,
            gone: own.ensure("gone").map_err(cannot)?,
            own,
            no_sync: options.no_sync,
            _lock: lock,
        };
        // It may hash and flush what was sealed, which whoever hears of the run's end should not wait for.
        let (root, own, recovered) = tokio::task::spawn_blocking(move || {
            let recovered = recover::recover(&root, &own);
            (root, own, recovered)
        })
        .await
        .map_err(|error| RunError::Broken(format!("clearing up broke down, please report it: {error}")))?;
        let mut recovered = recovered.map_err(|error| {
            RunError::io(format!("can't clear up what an earlier run left in {}", own.staging.at("")), error)
        })?;
        let stuck = recovered.stuck.iter().cloned().collect();
        let drafts = std::mem::take(&mut recovered.drafts);
        let (path, distrust, stop) = (path.to_owned(), options.distrust, options.stop.clone());
        let store = Self(Arc::new(Inner { path, root: Some(root), own: Some(own), stuck, drafts, distrust, stop }));
        Ok(Opened { store, recovered })
    }

    /// Opens `path` for a command that changes a mirror, and makes none: as [`Self::open`] does.
    ///
    /// # Errors
    /// There is no mirror, it can't be used, or another run holds its lock.
    pub async fn open_mirror(path: &Path, options: &LocalOptions) -> Result<Opened, RunError> {
        Self::open_to_read(path, options.stop.clone())?;
        Self::open(path, options).await
    }

    /// Opens the mirror `path` to read only. No lock is taken: a run may be going on.
    ///
    /// # Errors
    /// There is no mirror, or it can't be read, or is of a newer format.
    pub fn open_to_read(path: &Path, stop: CancellationToken) -> Result<Opened, RunError> {
        let cannot = |source| RunError::io(format!("can't read the mirror {}", path.display()), source);
        let opened = Self::look(path, stop)?.ok_or_else(|| cannot(std::io::ErrorKind::NotFound.into()))?;
        if !opened.store.is_mirror() {
            return Err(RunError::Broken(format!("{} holds no mirror: no element, and no {OWN}", path.display())));
        }
        Ok(opened)
    }

    /// Opens `path` to look only, for a dry run: it may be that there is nothing yet.
    ///
    /// # Errors
    /// What is there is no folder, or can't be read, or is of a newer format.
    pub fn open_to_look(path: &Path, stop: CancellationToken) -> Result<Opened, RunError> {
        let opened = Self::look(path, stop.clone())?;
        Ok(opened.unwrap_or_else(|| Self::without_lock(path, None, stop)))
    }

    /// Opens `path` without a lock; none where there is nothing.
    fn look(path: &Path, stop: CancellationToken) -> Result<Option<Opened>, RunError> {
        let cannot = |source| RunError::io(format!("can't read the destination {}", path.display()), source);
        let root = match Dir::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            root => root.map_err(cannot)?,
        };
        let format = match root.read(&format!("{OWN}/format")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || standing::is_no_folder(&error) => Vec::new(),
            format => format.map_err(cannot)?,
        };
        check_format(&format, path)?;
        Ok(Some(Self::without_lock(path, Some(root), stop)))
    }

    fn without_lock(path: &Path, root: Option<Dir>, stop: CancellationToken) -> Opened {
        let (path, stuck, drafts) = (path.to_owned(), HashMap::new(), HashSet::new());
        let store = Self(Arc::new(Inner { path, root, own: None, stuck, drafts, distrust: false, stop }));
        Opened { store, recovered: Recovered::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What stands in the folder of `id`, its files checked by size and time, and by their bytes where the time differs.
    ///
    /// # Errors
    /// The folder is not to be touched, or can't be read; or a version of an earlier run waits for its place.
    pub fn occupant(&self, id: &ElementId) -> Result<Occupant, Failure> {
        if let Some(failure) = self.0.stuck.get(id) {
            return Err(failure.clone());
        }
        let Inner { distrust, ref stop, .. } = *self.0;
        match &self.0.root {
            Some(root) => standing::Look { root, mend: self.0.own.is_some(), distrust, stop }.at(id),
            None => Ok(Occupant::Nothing),
        }
    }

    /// Starts the next version of `id`.
    ///
    /// # Errors
    /// Its staging folder can't be made.
    pub fn stage(&self, id: &ElementId) -> Result<Stage, Failure> {
        Stage::new(self.clone(), id)
    }

    /// Since when the API does not know `id` any more, where that was noted.
    pub fn gone_since(&self, id: &ElementId) -> Option<Time> {
        gone::since(self.0.root.as_ref()?, id)
    }

    /// Notes that the API does not know `id` any more.
    ///
    /// # Errors
    /// The note can't be written.
    pub fn note_gone(&self, id: &ElementId, since: Time) -> Result<(), Failure> {
        gone::note(self.own()?, id, since)
    }

    /// Forgets that `id` was gone: it is back.
    ///
    /// # Errors
    /// The note can't be removed.
    pub fn clear_gone(&self, id: &ElementId) -> Result<(), Failure> {
        gone::clear(&self.own()?.gone, id)
    }

    /// What an earlier run had of the next version of `id`, where that could not replace what stood; its files read and
    /// hashed.
    ///
    /// # Errors
    /// The run has ended meanwhile.
    pub fn draft(&self, id: &ElementId) -> Result<Option<Version>, Failure> {
        match self.has_draft(id) {
            true => draft::look(&self.own()?.staging, id, &self.0.stop),
            false => Ok(None),
        }
    }

    /// Removes the draft of `id`: nothing in it is needed any more.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn drop_draft(&self, id: &ElementId) -> Result<(), Failure> {
        if !self.has_draft(id) {
            return Ok(());
        }
        let own = self.own()?;
        let dropped = own.discard(id.as_str(), Leaves::Nothing);
        dropped.map_err(|error| Failure::io(format!("remove the draft {}", own.staging.at(id.as_str())), &error))
    }

    /// Whether an earlier run left a draft of `id`.
    pub fn has_draft(&self, id: &ElementId) -> bool {
        self.0.drafts.contains(id)
    }

    fn root(&self) -> Result<&Dir, Failure> {
        self.0.root.as_ref().ok_or_else(dry)
    }

    fn own(&self) -> Result<&Own, Failure> {
        self.0.own.as_ref().ok_or_else(dry)
    }
}

impl Own {
    /// Removes what is staged as `name`, but for what it `leaves`.
    fn discard(&self, name: &str, leaves: Leaves) -> std::io::Result<()> {
        match self.staging.dir(name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || standing::is_no_folder(&error) => {
                self.staging.remove_tree(name)
            }
            staged => self.discard_opened(&staged?, name, leaves),
        }
    }

    /// Removes what is in `staged`, which is open as `name`, but for what it `leaves`. The seal goes before what it speaks
    /// of, which is not to be gone on with when it is half removed; a draft that has served goes before the seal, which says
    /// that it has.
    fn discard_opened(&self, staged: &Dir, name: &str, leaves: Leaves) -> std::io::Result<()> {
        if leaves == Leaves::All {
            return Ok(());
        }
        if leaves == Leaves::Nothing {
            staged.remove_tree(draft::DRAFT)?;
        }
        staged.remove_if_there(seal::SEALED)?;
        if leaves == Leaves::Draft {
            draft::restore(staged)?;
        }
        // So it is after a commit, unless something is left over.
        if self.staging.remove_if_empty(name)? {
            return Ok(());
        }
        if !staged.has(draft::DRAFT)? {
            return self.staging.remove_tree(name);
        }
        let mut others = staged.list()?.into_iter().filter(|inner| inner != draft::DRAFT);
        others.try_for_each(|inner| staged.remove_tree(inner))
    }
}

fn dry() -> Failure {
    Failure::new(ErrorKind::Io, "a dry run writes nothing")
}

/// Holds the format of the program's own folder against the one that this program knows, and writes it where there is
/// none yet.
fn settle_format(own: &Dir, path: &Path, sync: bool) -> Result<(), RunError> {
    let cannot = |error| RunError::io(format!("can't use the destination {}", path.display()), error);
    let text = match own.read("format") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        found => found.map_err(cannot)?,
    };
    match text.is_empty() {
        true => own.replace("format", format!("{FORMAT}\n").as_bytes(), own, sync).map_err(cannot),
        false => check_format(&text, path),
    }
}

/// Refuses the mirror `path`, whose file `format` holds this `text`, where it is of a newer format. An empty one comes of
/// a power cut before it was flushed.
fn check_format(text: &[u8], path: &Path) -> Result<(), RunError> {
    let (shown, text) = (path.display(), String::from_utf8_lossy(text));
    match text.trim().parse::<u32>() {
        _ if text.is_empty() => Ok(()),
        Ok(format) if format <= FORMAT => Ok(()),
        Ok(format) => Err(RunError::Broken(format!(
            "{shown} has format {format}, this program knows {FORMAT}; use a newer element-mirror"
        ))),
        Err(_) => Err(RunError::Broken(format!("{shown}/{OWN}/format is damaged: it should hold {FORMAT}"))),
    }
}

#[cfg(test)]
mod tests;
