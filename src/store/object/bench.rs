//! What the tests of buckets share: a bucket in memory, runs on it, and a look at everything that it holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tempfile::TempDir;

use super::BucketStore;
use super::faulty::{Conditions, Faulty, World};
use super::location::Location;
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::layout::{MANIFEST, Naming, SUMS};
use crate::manifest::{Manifest, OwnFile};
use crate::stop::Stop;
use crate::store::Access;
use crate::store::contract::place::{folder, options};
use crate::store::contract::recipe::{RUNTIME, Recipe};

/// Where in the bucket the mirror is.
const PREFIX: &str = "some/where";

/// A bucket, empty at first.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) world: Arc<World>,
    pub(super) staging: Arc<TempDir>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Conditions::Heeded)
    }

    pub(super) fn with(conditions: Conditions) -> Self {
        Self { world: Arc::new(World::with(conditions)), staging: Arc::new(folder()) }
    }

    /// Opens it for a run that sees it through `client`.
    pub(super) fn open(&self, client: &Faulty) -> Result<BucketStore, RunError> {
        self.open_until(client, &Stop::default())
    }

    pub(super) fn open_until(&self, client: &Faulty, stop: &Stop) -> Result<BucketStore, RunError> {
        let options = super::BucketOptions { stop: stop.clone(), ..options(Some(self.staging.path().to_owned())) };
        let location = Location::parse(&format!("s3://memory/{PREFIX}")).unwrap();
        let opened = BucketStore::open_with(Arc::new(client.clone()), &location, &options, Access::Write);
        Ok(RUNTIME.block_on(opened)?.store)
    }

    /// A run that nothing befalls.
    pub(super) fn run(&self) -> BucketStore {
        self.open(&Faulty::of(&self.world)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A run, and how it sees the bucket; what it called until now is forgotten.
    pub(super) fn faulty_run(&self) -> (BucketStore, Faulty) {
        let client = Faulty::of(&self.world);
        let store = self.open(&client).unwrap_or_else(|error| panic!("{error}"));
        client.calls();
        (store, client)
    }

    /// Commits versions, in a run of their own each.
    pub(super) fn commit(&self, recipes: &[Recipe]) {
        for recipe in recipes {
            assert_eq!(recipe.commit(&self.run()), Ok(()));
        }
    }

    pub(super) fn prefix() -> Path {
        Path::from(PREFIX)
    }

    pub(super) fn at(path: &str) -> Path {
        path.split('/').fold(Self::prefix(), Path::join)
    }

    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        RUNTIME.block_on(self.world.memory.put(&Self::at(path), bytes.to_vec().into())).unwrap();
    }

    /// Every object, by its path.
    pub(super) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let prefix = Self::prefix();
        RUNTIME.block_on(async {
            let listed: Vec<_> = self.world.memory.list(Some(&prefix)).try_collect().await.unwrap();
            let mut objects = BTreeMap::new();
            for meta in listed {
                let bytes = self.world.memory.get(&meta.location).await.unwrap().bytes().await.unwrap();
                let path = meta.location.as_ref()[PREFIX.len() + 1..].to_owned();
                objects.insert(path, bytes.to_vec());
            }
            objects
        })
    }

    /// Lets all objects that are there be two days old.
    pub(super) fn age(&self) {
        for path in self.objects().into_keys() {
            RUNTIME.block_on(self.world.age(&Self::at(&path), Duration::from_secs(2 * 24 * 3600)));
        }
    }

    /// Which of these versions stands, by its manifest.
    pub(super) fn standing(&self, recipes: &[Recipe]) -> Option<usize> {
        let objects = self.objects();
        let stands = objects.get(&format!("u_1/{MANIFEST}"))?;
        let manifest = |recipe: &Recipe| recipe.manifest(Naming::ByContent).to_bytes();
        let found = recipes.iter().position(|recipe| manifest(recipe) == *stands);
        Some(found.unwrap_or_else(|| panic!("another stands: {}", String::from_utf8_lossy(stands))))
    }

    /// The manifests that stand and that the history has, each with its path and those of its objects that are not as
    /// it says. Those that can't be read are left out.
    pub(super) fn manifests(&self) -> Vec<(String, Manifest, Vec<String>)> {
        let objects = self.objects();
        let of = |path: &String| -> Option<ElementId> {
            let parts: Vec<&str> = path.split('/').collect();
            match parts[..] {
                [id, MANIFEST] | [".element-mirror", "history", id, _, MANIFEST] => id.parse().ok(),
                _ => None,
            }
        };
        let mut manifests = Vec::new();
        for (path, bytes) in &objects {
            let Some(id) = of(path) else { continue };
            let Ok(manifest) = Manifest::parse(bytes, &id) else { continue };
            let is_bad = |OwnFile { name, size, sha256, .. }: &OwnFile<'_>| {
                let found = objects.get(&format!("{id}/{name}"));
                found.is_none_or(|bytes| bytes.len() as u64 != *size || Digest::of(bytes) != *sha256)
            };
            let bad = manifest.own_files().filter(is_bad).map(|file| file.name.to_owned()).collect();
            manifests.push((path.clone(), manifest, bad));
        }
        manifests
    }

    /// Every manifest that can be read names only objects that are there, with their bytes.
    #[track_caller]
    pub(super) fn assert_whole(&self, context: &str) {
        for (path, _, bad) in self.manifests() {
            assert_eq!(bad, Vec::<String>::new(), "{context}: named by {path}");
        }
    }

    /// The version stands, and its checksums are up to date.
    #[track_caller]
    pub(super) fn assert_stands(&self, recipe: &Recipe, context: &str) {
        let (objects, manifest) = (self.objects(), recipe.manifest(Naming::ByContent));
        let found = |name: &str| objects.get(&format!("{}/{name}", recipe.id)).cloned().unwrap_or_default();
        assert!(found(MANIFEST) == manifest.to_bytes(), "{context}: another stands");
        assert_eq!(String::from_utf8(found(SUMS)).unwrap(), manifest.sums_of_data(), "{context}");
        for (file, bytes) in recipe.files(Naming::ByContent) {
            assert!(found(&file) == bytes, "{context}: {file}");
        }
    }

    /// These manifests are in the history of their element, each once, and nothing else is there.
    #[track_caller]
    pub(super) fn assert_history(&self, recipes: &[Recipe], context: &str) {
        let kept: Vec<_> =
            self.objects().into_iter().filter(|(path, _)| path.starts_with(".element-mirror/history/")).collect();
        let expected = recipes.iter().map(|recipe| {
            let path = format!(".element-mirror/history/{}/{}/{MANIFEST}", recipe.id, recipe.when());
            (path, recipe.manifest(Naming::ByContent).to_bytes())
        });
        let paths = |of: &[(String, Vec<u8>)]| of.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        let expected: Vec<_> = expected.collect();
        assert_eq!(paths(&kept), paths(&expected), "{context}");
        assert!(kept == expected, "{context}: other manifests");
    }

    /// The checksums are those of one of these versions, if there are any.
    #[track_caller]
    pub(super) fn assert_sums_of(&self, recipes: &[Recipe], context: &str) {
        let Some(sums) = self.objects().remove(&format!("u_1/{SUMS}")) else { return };
        let mut known = recipes.iter().map(|recipe| recipe.manifest(Naming::ByContent).sums_of_data().into_bytes());
        assert!(known.any(|known| known == sums), "{context}: {}", String::from_utf8_lossy(&sums));
    }
}

/// What of `calls` begins with one of these verbs, and the paths from the mirror on.
pub(super) fn only(calls: &[String], verbs: &[&str]) -> Vec<String> {
    let short = |call: &String| call.replacen(&format!(" {PREFIX}/"), " ", 1);
    let wanted = |call: &&String| call.split_once(' ').is_some_and(|(verb, _)| verbs.contains(&verb));
    calls.iter().filter(wanted).map(short).collect()
}

/// Whether a failure says that another run was faster.
pub(super) fn is_conflict(done: &Result<(), Failure>) -> bool {
    done.as_ref().is_err_and(|failure| failure.kind == crate::error::ErrorKind::Conflict)
}
