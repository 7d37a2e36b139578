//! Where versions are put together on their way to a bucket: a local folder of the run's own, removed at its end.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::error::RunError;
use crate::store::dir::{self, Dir};

/// How the names of such folders begin.
const PREFIX: &str = "element-mirror-";
/// The file in it that is locked as long as the run goes on; no ID is so named.
const LOCK: &str = ".lock";

/// The folder of a run.
pub(super) struct Staging {
    pub(super) dir: Arc<Dir>,
    _folder: TempDir,
    /// Dropped after the folder: without its lock, another run would take the folder for one that was left behind.
    _lock: File,
}

impl Staging {
    /// Makes a folder in `parent`, or in the system's temporary folder; what runs that were killed left there is
    /// removed.
    pub(super) fn new(parent: Option<&Path>) -> Result<Self, RunError> {
        let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
        let made = dir::create_all(&parent, false).and_then(|()| {
            sweep(&parent);
            Self::make(&parent)
        });
        made.map_err(|error| RunError::io(format!("can't stage in {} (--staging)", parent.display()), error))
    }

    fn make(parent: &Path) -> io::Result<Self> {
        loop {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
            let dir = Dir::open(folder.path())?;
            let lock = dir.open_or_create(LOCK)?;
            // One that sweeps may have been faster; then this one is about to go, or has gone already. (Where there are
            // no locks nobody sweeps.)
            let is_taken = flock(&lock, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
            if !is_taken && fstat(&lock)?.st_nlink > 0 {
                return Ok(Self { dir: Arc::new(dir), _lock: lock, _folder: folder });
            }
        }
    }
}

/// Removes the folders of runs that were killed. One that can't be looked at or removed belongs to somebody else.
fn sweep(parent: &Path) {
    let Ok(parent) = Dir::open(parent) else { return };
    for name in parent.list().unwrap_or_default() {
        if !name.to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            continue;
        }
        // Held until all is gone: whoever has just made the folder must not get the lock meanwhile.
        if let Ok(Some(_lock)) = lock_left(&parent, &name) {
            let _ = parent.remove_tree(&name);
        }
    }
}

/// The lock of a folder that was left behind; none where the folder is another user's, or in use.
fn lock_left(parent: &Dir, name: &OsStr) -> io::Result<Option<File>> {
    let folder = parent.dir(name)?;
    let lock = folder.file(LOCK)?;
    let is_own = fstat(folder.fd())?.st_uid == rustix::process::geteuid().as_raw();
    let is_left = is_own && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
    Ok(is_left.then_some(lock))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let names = std::fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_goes_with_the_run_and_stays_as_long_as_that() {
        let parent = tempfile::tempdir().unwrap();
        let one = Staging::new(Some(parent.path())).unwrap();
        let other = Staging::new(Some(parent.path())).unwrap();
        assert_eq!(names(parent.path()).len(), 2);
        drop(one);
        assert_eq!(names(parent.path()).len(), 1);
        drop(other);
        assert_eq!(names(parent.path()), Vec::<String>::new());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let killed = parent.path().join("element-mirror-killed");
        std::fs::create_dir_all(killed.join("u_1/version")).unwrap();
        std::fs::write(killed.join("u_1/version/cover.png"), "bytes").unwrap();
        std::fs::write(killed.join(LOCK), "").unwrap();
        std::fs::create_dir(parent.path().join("element-mirror-of-somebody")).unwrap();
        std::fs::write(parent.path().join("element-mirror-notes"), "mine").unwrap();
        let staging = Staging::new(Some(parent.path())).unwrap();
        drop(staging);
        assert_eq!(names(parent.path()), ["element-mirror-notes", "element-mirror-of-somebody"]);
    }
}
