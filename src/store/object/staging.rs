//! Where versions are put together on their way to a bucket: a local folder of the run's own, removed at its end.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::Errno;

use crate::error::RunError;
use crate::store::dir::{self, Dir};

/// How the names of such folders begin.
const PREFIX: &str = "element-mirror-";
/// How many letters and digits follow.
const RANDOM: usize = 6;
/// The file in it that is locked as long as the run goes on; no ID is so named.
const LOCK: &str = ".lock";

/// The folder of a run.
pub(super) struct Staging {
    pub(super) dir: Arc<Dir>,
    parent: Dir,
    /// The folder's name in its parent.
    name: OsString,
    /// Dropped after the folder was removed: without its lock, another run would take the folder for one that was left
    /// behind.
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
            let folder = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempdir_in(parent)?;
            if let Some(staging) = Self::hold(parent, folder.path())? {
                let _ = folder.keep();
                return Ok(staging);
            }
        }
    }

    /// Locks the folder at `path`, which was just made; none where one that sweeps has got hold of it before.
    fn hold(parent: &Path, path: &Path) -> io::Result<Option<Self>> {
        let (parent, name) = (Dir::open(parent)?, path.file_name().unwrap_or_default().to_owned());
        let opened = parent.dir(&name).and_then(|dir| Ok((dir.open_or_create(LOCK)?, dir)));
        let (lock, dir) = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Either it is about to go, or it has gone already. (Where there are no locks nobody sweeps more than empty
        // folders.)
        let is_taken = flock(&lock, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
        let is_held = !is_taken && fstat(&lock)?.st_nlink > 0;
        Ok(is_held.then(|| Self { dir: Arc::new(dir), parent, name, _lock: lock }))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be removed now, a later run sweeps.
        let _ = remove(&self.parent, &self.name, &self.dir);
    }
}

/// Removes the folders of runs that were killed. One that can't be looked at or removed belongs to somebody else.
fn sweep(parent: &Path) {
    let Ok(parent) = Dir::open(parent) else { return };
    for name in parent.list().unwrap_or_default() {
        if let Some(name) = name.to_str().filter(|name| is_ours(name)) {
            let _ = remove_left(&parent, name);
        }
    }
}

/// Whether a folder is named as those of runs are.
fn is_ours(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Removes a folder that was left behind; not one that is another user's, in use, or a stranger's by what it holds.
fn remove_left(parent: &Dir, name: &str) -> io::Result<()> {
    let folder = parent.dir(name)?;
    if fstat(folder.fd())?.st_uid != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    match folder.file(LOCK) {
        // Its run was killed before it made the lock, or after it removed that; or is about to make it, and then makes
        // another folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => parent.remove_if_empty(name).map(drop),
        // Held until all is gone: whoever has just made the folder must not get the lock meanwhile.
        Ok(lock) if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() => {
            remove(parent, name.as_ref(), &folder)
        }
        lock => lock.map(drop),
    }
}

/// Removes the folder `name` in `parent`, whose lock is held. The lock goes last of what it holds: where this is
/// interrupted, the next run knows by it whose the rest was.
fn remove(parent: &Dir, name: &OsStr, folder: &Dir) -> io::Result<()> {
    folder.list()?.into_iter().filter(|inner| inner != LOCK).try_for_each(|inner| folder.remove_tree(inner))?;
    folder.remove_if_there(LOCK)?;
    parent.remove_tree(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

    use super::*;
    use crate::store::dir::trouble;

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

    /// A folder as a run has it that is killed.
    fn left(parent: &Path, name: &str) -> PathBuf {
        let folder = parent.join(name);
        for element in ["u_1", "u_2"] {
            std::fs::create_dir_all(folder.join(element).join("version")).unwrap();
            std::fs::write(folder.join(element).join("version/cover.png"), "bytes").unwrap();
        }
        std::fs::write(folder.join(LOCK), "").unwrap();
        folder
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        left(parent.path(), "element-mirror-Killd1");
        // One that was killed before it had a lock.
        std::fs::create_dir(parent.path().join("element-mirror-Killd2")).unwrap();
        let strangers = ["-of-somebody", "-7letters", "-5let3", "-s_x-it", "-si.ték", "x-aaaaaa"];
        strangers.iter().for_each(|name| drop(left(parent.path(), &format!("element-mirror{name}"))));
        std::fs::create_dir(parent.path().join("element-mirror-empty")).unwrap();
        std::fs::write(parent.path().join("element-mirror-afiles"), "mine").unwrap();
        let no_lock = left(parent.path(), "element-mirror-noLock");
        std::fs::remove_file(no_lock.join(LOCK)).unwrap();
        let mut expected = names(parent.path());
        expected.retain(|name| !name.contains("Killd"));
        drop(Staging::new(Some(parent.path())).unwrap());
        assert_eq!(names(parent.path()), expected);
        assert_eq!(names(&no_lock), ["u_1", "u_2"]);
    }

    #[test]
    fn a_removal_that_is_killed_at_any_step_leaves_what_the_next_run_removes() {
        for is_swept in [false, true] {
            for steps in 0.. {
                let parent = tempfile::tempdir().unwrap();
                let staging = (!is_swept).then(|| Staging::new(Some(parent.path())).unwrap());
                let own = names(parent.path()).pop().unwrap_or_else(|| "element-mirror-Killed".to_owned());
                left(parent.path(), &own);
                trouble::kill_after(steps);
                match staging {
                    Some(staging) => drop(staging),
                    None => sweep(parent.path()),
                }
                let is_reached = trouble::end();
                sweep(parent.path());
                assert_eq!(names(parent.path()), Vec::<String>::new(), "{is_swept}, after {steps}");
                if !is_reached {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_folder_that_another_run_sweeps_as_it_is_made_is_not_had() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("element-mirror-Made01");
        let is_had = || Staging::hold(parent.path(), &folder).unwrap().is_some();
        assert!(!is_had(), "it is gone");
        std::fs::create_dir(&folder).unwrap();
        let sweeping = File::create(folder.join(LOCK)).unwrap();
        flock(&sweeping, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(!is_had(), "it is going");
        drop(sweeping);
        let staging = Staging::hold(parent.path(), &folder).unwrap().unwrap();
        sweep(parent.path());
        assert_eq!(names(&folder), [LOCK]);
        drop(staging);
        assert_eq!(names(parent.path()), Vec::<String>::new());
    }
}
