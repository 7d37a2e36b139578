//! A mirror on disk, to look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use element_mirror::digest::Digest;
use serde_json::Value;
use tempfile::TempDir;

/// A destination that is gone when the test ends.
pub(crate) struct MirrorDir(TempDir);

impl MirrorDir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A destination in memory, where that is: for tests that make many.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::below(memory) } else { Self::new() }
    }

    /// A destination somewhere below `folder`.
    pub(crate) fn below(folder: &Path) -> Self {
        Self(tempfile::tempdir_in(folder).unwrap())
    }

    /// Makes this destination a copy of `other`, times and links included.
    pub(crate) fn copy(&self, other: &Self) {
        let copied = Command::new("cp").arg("-a").args([other.path(), self.path()]).status().unwrap();
        assert!(copied.success());
    }

    /// The destination; it is not there before the program makes it.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("mirror")
    }

    /// A path beside the destination.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with these bytes beside the destination.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.beside(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A path in the destination.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), bytes).unwrap();
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).symlink_metadata().is_ok()
    }

    /// The names in a folder of the destination, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.at(path)) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn manifest(&self, id: &str) -> Value {
        serde_json::from_slice(&self.read(&format!("{id}/manifest.json"))).unwrap()
    }

    /// The IDs of the element folders.
    pub(crate) fn ids(&self) -> Vec<String> {
        let others = [".element-mirror", "index.html", "index.ndjson"];
        self.names("").into_iter().filter(|name| !others.contains(&name.as_str())).collect()
    }

    /// The superseded versions of `id`.
    pub(crate) fn history(&self, id: &str) -> Vec<String> {
        self.names(&format!(".element-mirror/history/{id}"))
    }

    /// Every element folder and every superseded version holds what its SHA256SUMS says, nothing is left in staging, and
    /// neither token nor email stand in any file.
    #[track_caller]
    pub(crate) fn check(&self) {
        self.check_but_staging();
        assert_eq!(self.names(".element-mirror/staging"), Vec::<String>::new(), "litter in staging");
    }

    /// The same, whatever is in staging: after a kill, or a failure to clear up.
    #[track_caller]
    pub(crate) fn check_but_staging(&self) {
        for id in self.ids() {
            check_version(&self.at(&id));
            for when in self.history(&id) {
                check_version(&self.at(&format!(".element-mirror/history/{id}/{when}")));
            }
        }
        for (path, bytes) in self.all_files() {
            let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!holds(b"secret-token"), "the token stands in {path}");
            assert!(!holds(b"someone@example.com"), "an email stands in {path}");
        }
    }

    /// Every file of the destination with its bytes.
    pub(crate) fn all_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.symlink_metadata().unwrap().is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    files.insert(path.strip_prefix(self.path()).unwrap().display().to_string(), bytes);
                }
            }
        }
        files
    }
}

/// A version is whole: every line of its SHA256SUMS holds, and every file that its manifest names is there.
#[track_caller]
pub(crate) fn check_version(folder: &Path) {
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut named = Vec::new();
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{folder:?} {name}: {error}"));
        assert_eq!(Digest::of(&bytes).to_string(), digest, "{folder:?} {name}");
        named.push(name.to_owned());
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    for asset in manifest["assets"].as_array().unwrap() {
        assert!(named.contains(&asset["file"].as_str().unwrap().to_owned()), "{folder:?}: {asset}");
    }
    assert!(named.contains(&"manifest.json".to_owned()) && named.contains(&"element.json".to_owned()));
}
