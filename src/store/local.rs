//! A mirror in a folder.
//!
//! What lies where is documented in `docs/format.md`, the protocol in `docs/design.md`.

mod clear;
mod commit;
mod destination;
mod draft;
mod elements;
mod flush;
mod gone;
mod heal;
mod history;
mod inspect;
mod lock;
mod overview;
mod prune;
mod recover;
mod seal;
mod shelf;
mod standing;
mod unflushed;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dir::Dir;
use super::{Access, Recovered, dir, format, read_only, stage};
use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::layout::{DAMAGED, GONE, HISTORY, OWN, STAGING};
use crate::stop::Stop;
use lock::Lock;
use stage::Leaves;

/// How a destination is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LocalOptions {
    /// How long to wait for another run on this destination to end. By default not at all.
    pub lock_wait: Duration,
    /// Leave flushing to the operating system: faster, but what is reported may not outlive a power cut.
    pub no_sync: bool,
    /// Hash every file that is to be kept, even one that has the size and the time that its manifest says.
    pub distrust: bool,
    /// Ends early what takes long, such as hashing.
    pub stop: Stop,
}

/// A destination folder. Cheap to clone.
#[derive(Clone)]
pub struct LocalStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// None only where it was opened to look, and there is no folder yet.
    root: Option<Dir>,
    /// None where it was opened to read or look only: then nothing is written, and no lock taken.
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
    staging: Arc<Dir>,
    history: Dir,
    gone: Dir,
    own: Dir,
    no_sync: bool,
    _lock: Lock,
}

/// A folder that was opened.
type Opened = super::Opened<LocalStore>;

impl LocalStore {
    /// Opens the folder `path`. To write or to change takes its lock, finishes what an earlier run sealed, and removes
    /// what it left half done.
    ///
    /// # Errors
    /// [`RunError::Locked`] where another run holds the lock. Otherwise the folder can't be read (or written, where
    /// that is wanted), holds no mirror though it must, or is of a newer format.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(path: impl AsRef<Path>, options: &LocalOptions, access: Access) -> Result<Opened, RunError> {
        let path = path.as_ref();
        match access {
            Access::Write => Self::open_to_write(path, options).await,
            Access::Change => Self::open_mirror(path, options).await,
            Access::Read => Self::open_to_read(path, options.stop.clone()),
            Access::Look => Self::open_to_look(path, options.stop.clone()),
        }
    }

    async fn open_to_write(path: &Path, options: &LocalOptions) -> Result<Opened, RunError> {
        let at = |what: &str, path: &Path| format!("{what} {}", path.display());
        let cannot = |source| RunError::io(at("can't use the destination", path), source);
        dir::create_all(path, !options.no_sync).map_err(cannot)?;
        let root = Dir::open(path).map_err(cannot)?;
        let own = root.ensure(OWN).map_err(cannot)?;
        root.check_writable().map_err(cannot)?;
        let lock = lock::acquire(&own, options.lock_wait).await?;
        settle_format(&own, path, !options.no_sync)?;
        // It is made once there is damage; that it can't be used is to be said before anything is done.
        match own.dir(DAMAGED) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            there => drop(there.map_err(|error| cannot(own.obstacle(DAMAGED, error)))?),
        }
        match options.no_sync {
            true => unflushed::note(&root, &own).map_err(cannot)?,
            false => unflushed::make_up_for(path, &own, options.stop.token())
                .await
                .map_err(|error| RunError::io(at("can't flush what an earlier run left unflushed in", path), error))?,
        }
        let own = Own {
            staging: Arc::new(own.ensure(STAGING).map_err(cannot)?),
            history: own.ensure(HISTORY).map_err(cannot)?,
            gone: own.ensure(GONE).map_err(cannot)?,
            own,
            no_sync: options.no_sync,
            _lock: lock,
        };
        // On a thread that may wait: it may have to hash and flush what was sealed.
        let (root, own, recovered) = tokio::task::spawn_blocking(move || {
            let recovered = recover::recover(&root, &own);
            (root, own, recovered)
        })
        .await
        .map_err(|error| RunError::Broken(format!("clearing up broke down, please report it: {error}")))?;
        let (recovered, drafts) = recovered.map_err(|error| {
            RunError::io(format!("can't clear up what an earlier run left in {}", own.staging.at("")), error)
        })?;
        let stuck = recovered.stuck.iter().cloned().collect();
        let (path, distrust, stop) = (path.to_owned(), options.distrust, options.stop.token().clone());
        let store = Self(Arc::new(Inner { path, root: Some(root), own: Some(own), stuck, drafts, distrust, stop }));
        Ok(Opened { store, recovered })
    }

    /// As [`Self::open_to_write`], for a command that changes a mirror, and makes none.
    async fn open_mirror(path: &Path, options: &LocalOptions) -> Result<Opened, RunError> {
        Self::open_to_read(path, options.stop.clone())?;
        Self::open_to_write(path, options).await
    }

    fn open_to_read(path: &Path, stop: Stop) -> Result<Opened, RunError> {
        let absent = || RunError::Broken(format!("there is no mirror {}: no such folder", path.display()));
        let opened = Self::look(path, stop)?.ok_or_else(absent)?;
        if !opened.store.is_mirror() {
            return Err(RunError::Broken(format!("{} holds no mirror: no element, and no {OWN}", path.display())));
        }
        Ok(opened)
    }

    fn open_to_look(path: &Path, stop: Stop) -> Result<Opened, RunError> {
        let opened = Self::look(path, stop.clone())?;
        Ok(opened.unwrap_or_else(|| Self::without_lock(path, None, stop)))
    }

    /// Opens `path` without a lock; none where there is nothing.
    fn look(path: &Path, stop: Stop) -> Result<Option<Opened>, RunError> {
        let cannot = |source| RunError::io(format!("can't read the destination {}", path.display()), source);
        let root = match Dir::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            root => root.map_err(cannot)?,
        };
        let file = format!("{OWN}/{}", format::FILE);
        let text = match root.read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || standing::is_no_folder(&error) => Vec::new(),
            text => text.map_err(|error| cannot(root.obstacle(&file, error)))?,
        };
        format::check(&text, &path.display())?;
        Ok(Some(Self::without_lock(path, Some(root), stop)))
    }

    fn without_lock(path: &Path, root: Option<Dir>, stop: Stop) -> Opened {
        let (path, stop) = (path.to_owned(), stop.token().clone());
        let (stuck, drafts) = (HashMap::new(), HashSet::new());
        let store = Self(Arc::new(Inner { path, root, own: None, stuck, drafts, distrust: false, stop }));
        Opened { store, recovered: Recovered::default() }
    }

    fn root(&self) -> Result<&Dir, Failure> {
        self.0.root.as_ref().ok_or_else(read_only)
    }

    fn own(&self) -> Result<&Own, Failure> {
        self.0.own.as_ref().ok_or_else(read_only)
    }
}

impl Own {
    /// Removes what is staged as `name`, but for what it `leaves`.
    fn discard(&self, name: &str, leaves: Leaves) -> std::io::Result<()> {
        match self.staging.dir(name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || standing::is_no_folder(&error) => {
                self.staging.remove_tree(name)
            }
            staged => leaves.discard_others((&self.staging, &staged?), name),
        }
    }
}

/// Refuses a mirror of a newer format; writes this program's format where there is none yet.
fn settle_format(own: &Dir, path: &Path, sync: bool) -> Result<(), RunError> {
    let cannot = |error| RunError::io(format!("can't use the destination {}", path.display()), error);
    let text = match own.read(format::FILE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        found => found.map_err(|error| cannot(own.obstacle(format::FILE, error)))?,
    };
    match text.is_empty() {
        true => own.replace(format::FILE, &format::text(), own, sync).map_err(cannot),
        false => format::check(&text, &path.display()),
    }
}

#[cfg(test)]
mod tests;
