//! The destinations under test, and a look at them from outside.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _, path};
use tempfile::TempDir;

use super::recipe::RUNTIME;
use crate::error::RunError;
use crate::http::HttpOptions;
use crate::store::local::{LocalOptions, LocalStore};
use crate::store::object::connect::connect;
use crate::store::object::{BucketOptions, BucketStore, Location};
use crate::store::{Access, Destination, Opened};
use crate::time::Time;

/// Names a bucket of a real server, and a prefix there, in which the contract is held against that server, too.
const NAMED_BUCKET: &str = "ELEMENT_MIRROR_TEST_BUCKET";

/// A destination, and what can be done to it behind the program's back. Paths are those from the mirror on.
pub(super) trait Place {
    type Store: Destination;

    fn open(&self, access: Access) -> Result<Opened<Self::Store>, RunError>;

    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// Puts a file, or another one in its place.
    fn write(&self, path: &str, bytes: &[u8]);

    fn remove(&self, path: &str);

    /// All files but those that a run has for itself.
    fn list(&self) -> Vec<String>;

    /// What tells a file from another one that has the same bytes.
    fn identity(&self, path: &str) -> String;
}

/// A temporary folder; in memory, where there is such a one: tests make hundreds of mirrors.
pub(in crate::store) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A folder.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(folder())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("mirror").join(path)
    }
}

impl Place for Folder {
    type Store = LocalStore;

    fn open(&self, access: Access) -> Result<Opened<LocalStore>, RunError> {
        let options = LocalOptions { no_sync: true, ..LocalOptions::default() };
        RUNTIME.block_on(LocalStore::open(&self.at(""), &options, access))
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.at(path)).ok()
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        // Other names of the same file keep what they have.
        let _ = std::fs::remove_file(self.at(path));
        std::fs::write(self.at(path), bytes).unwrap();
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.at(path)).unwrap();
    }

    fn list(&self) -> Vec<String> {
        let (root, mut files, mut folders) = (self.at(""), Vec::new(), vec![self.at("")]);
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        files.retain(|file| ![".element-mirror/lock", ".element-mirror/unflushed"].contains(&file.as_str()));
        files.sort();
        files
    }

    fn identity(&self, path: &str) -> String {
        std::fs::metadata(self.at(path)).unwrap().ino().to_string()
    }
}

/// A prefix in a bucket.
pub(super) struct Bucket {
    client: Arc<dyn ObjectStore>,
    location: Location,
    /// Of a real server; opened as the program does that.
    is_real: bool,
    staging: TempDir,
}

impl Bucket {
    pub(super) fn in_memory() -> Self {
        let location = Location::parse("s3://memory/some/where").unwrap();
        Self { client: Arc::new(InMemory::new()), location, is_real: false, staging: folder() }
    }

    /// In the bucket that the environment names, under a prefix of its own.
    pub(super) fn named() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(named) = std::env::var(NAMED_BUCKET) else {
            println!("nothing is tried: {NAMED_BUCKET} names no bucket");
            return None;
        };
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let (now, _) = Time::now().to_unix();
        let prefix = format!("{}/contract-{now}-{process}-{number}", named.trim_end_matches('/'));
        let location = Location::parse(&prefix).unwrap();
        let client = RUNTIME.block_on(connect(&location, &options(None).http)).unwrap();
        Some(Self { client, location, is_real: true, staging: folder() })
    }

    fn at(&self, path: &str) -> path::Path {
        path.split('/').fold(self.location.prefix.clone(), path::Path::join)
    }

    fn find(&self) -> Vec<String> {
        let strip = |at: path::Path| {
            let parts = at.prefix_match(&self.location.prefix).unwrap().map(|part| part.as_ref().to_owned());
            parts.collect::<Vec<_>>().join("/")
        };
        let listed = self.client.list(Some(&self.location.prefix)).map_ok(|found| strip(found.location));
        let mut files: Vec<String> = RUNTIME.block_on(listed.try_collect()).unwrap();
        files.sort();
        files
    }
}

/// How buckets are opened in tests.
pub(in crate::store) fn options(staging: Option<PathBuf>) -> BucketOptions {
    let http = HttpOptions { retries: 2, user_agent: "element-mirror/test".to_owned(), ..HttpOptions::default() };
    BucketOptions { http, staging, ..BucketOptions::default() }
}

impl Place for Bucket {
    type Store = BucketStore;

    fn open(&self, access: Access) -> Result<Opened<BucketStore>, RunError> {
        let options = options(Some(self.staging.path().to_owned()));
        RUNTIME.block_on(async {
            match self.is_real {
                true => BucketStore::open(&self.location, &options, access).await,
                false => BucketStore::open_with(Arc::clone(&self.client), &self.location, &options, access).await,
            }
        })
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        RUNTIME.block_on(async {
            let found = self.client.get(&self.at(path)).await;
            if let Err(object_store::Error::NotFound { .. }) = found {
                return None;
            }
            Some(found.unwrap().bytes().await.unwrap().to_vec())
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        RUNTIME.block_on(self.client.put(&self.at(path), bytes.to_vec().into())).unwrap();
    }

    fn remove(&self, path: &str) {
        RUNTIME.block_on(self.client.delete(&self.at(path))).unwrap();
    }

    fn list(&self) -> Vec<String> {
        self.find()
    }

    fn identity(&self, path: &str) -> String {
        let meta = RUNTIME.block_on(self.client.head(&self.at(path))).unwrap();
        format!("{:?} {:?} {}", meta.e_tag, meta.version, meta.last_modified)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // What a failed test left is there to be looked at.
        if self.is_real && !std::thread::panicking() {
            self.find().iter().for_each(|path| self.remove(path));
        }
    }
}
