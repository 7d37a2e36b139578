//! What the store's tests share: versions of the element `u_1`, committed on the test's own thread, and a look at
//! everything that lies on disk.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::commit::Candidate;
use super::commit::tests::commit;
use super::flush::Flusher;
use super::{LocalOptions, LocalStore, Opened};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::store::contract::place::folder;
use crate::store::contract::recipe::Recipe;
pub(super) use crate::store::contract::recipe::{cover, id, side};
use crate::time::Time;

/// What strangers keep in the element's folder.
pub(super) const STRANGERS: [&str; 2] = ["notes.txt", "folder/inner.txt"];

/// A destination that is gone when the test ends.
pub(super) struct Bench(TempDir);

impl Bench {
    pub(super) fn new() -> Self {
        Self(folder())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("mirror")
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub(super) fn staged(&self, path: &str) -> PathBuf {
        self.path().join(".element-mirror/staging/u_1").join(path)
    }

    pub(super) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), bytes).unwrap();
    }

    pub(super) fn names(&self, path: &str) -> Vec<String> {
        names(&self.at(path))
    }

    /// Opens it as a run does, unflushed.
    pub(super) fn open(&self) -> Opened {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Opened, crate::error::RunError> {
        let options = LocalOptions { no_sync: true, ..LocalOptions::default() };
        block_on(LocalStore::open_to_write(&self.path(), &options))
    }

    /// Commits the version number `number` of `u_1`.
    pub(super) fn commit(&self, number: u8) {
        let store = self.open().store;
        let candidate = candidate(&store, number).unwrap();
        commit(&store, vec![candidate], Flusher::Never).remove(0).unwrap();
    }

    pub(super) fn add_strangers(&self) {
        for name in STRANGERS {
            self.write(&format!("u_1/{name}"), "mine");
        }
    }

    /// Which version stands whole in the element's place; none where there is nothing.
    #[track_caller]
    pub(super) fn standing(&self) -> Option<u8> {
        self.at("u_1").exists().then(|| whole(&self.at("u_1")))
    }

    /// The superseded versions, each whole.
    #[track_caller]
    pub(super) fn history(&self) -> Vec<u8> {
        let folders = self.names(".element-mirror/history/u_1");
        folders.iter().map(|when| whole(&self.at(&format!(".element-mirror/history/u_1/{when}")))).collect()
    }

    #[track_caller]
    pub(super) fn assert_strangers_are_there(&self) {
        for name in STRANGERS {
            assert_eq!(std::fs::read(self.at(&format!("u_1/{name}"))).unwrap_or_default(), b"mine", "{name}");
        }
    }

    #[track_caller]
    pub(super) fn assert_no_litter(&self) {
        assert_eq!(self.names(".element-mirror/staging"), Vec::<String>::new());
        let known = ["damaged", "format", "gone", "history", "lock", "staging", "unflushed"];
        let names = self.names(".element-mirror");
        assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    }

    /// The bytes of every file under `path`, by the path in it.
    pub(super) fn files(&self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.at(path)];
        while let Some(folder) = folders.pop() {
            for path in names(&folder).into_iter().map(|name| folder.join(name)) {
                match path.symlink_metadata().unwrap().is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default())),
                }
            }
        }
        files
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The number of the version in `folder`, every file of which holds what its SHA256SUMS says.
#[track_caller]
pub(super) fn whole(folder: &Path) -> u8 {
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    assert_eq!(sums.lines().count(), 4, "{folder:?}: {sums}");
    for (digest, name) in sums.lines().map(|line| line.split_once("  ").unwrap()) {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{folder:?} {name}: {error}"));
        assert_eq!(Digest::of(&bytes).to_string(), digest, "{folder:?} {name}");
    }
    std::fs::read(folder.join("side.png")).unwrap().last().unwrap() - b'0'
}

/// The version number `number` of `u_1`, made from what stands: sealed by nobody yet.
pub(super) fn candidate(store: &LocalStore, number: u8) -> Result<Candidate, Failure> {
    candidate_of(store, "u_1", number)
}

pub(super) fn candidate_of(store: &LocalStore, id: &str, number: u8) -> Result<Candidate, Failure> {
    candidate_at(store, &self::id(id), (number, Recipe::of(id, number).at))
}

/// The same, committed `at` a time.
pub(super) fn candidate_at(store: &LocalStore, id: &ElementId, (number, at): (u8, Time)) -> Result<Candidate, Failure> {
    // With the same reply in all versions, which makes it one more file that they share.
    Recipe::of(id.as_str(), number).committed(at, b"{}").stage(store)
}
