//! Pruning in a bucket: superseded manifests go first, then objects that nobody has a use for any more.
//!
//! Other runs may be under way. So nothing is removed that is named by a manifest which stood within the last day, and
//! no object that is younger than a day: a run has just put the objects that it is about to name.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};

use super::history::{SupersededVersion, place_of};
use super::shelf::Shelf;
use super::standing::{self, Occupant, readable};
use super::{AT_A_TIME, BucketStore};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::layout::{self, MANIFEST, Naming};
use crate::time::Time;

/// Whatever is younger, or was superseded since, stays.
pub(super) const YOUNG: Duration = Duration::from_secs(24 * 3600);

impl BucketStore {
    /// Removes the manifests of `versions`, says of each that it is `gone`, and then removes the objects of `id` that
    /// none names any more: also those that an earlier pruning did not come to, and those of runs that were killed.
    pub(super) async fn prune_versions(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion],
        gone: impl FnMut(&SupersededVersion),
    ) -> Result<(), Failure> {
        match self.remove_versions(id, versions, gone).await {
            // No version was to go, so nothing has failed: objects that no manifest names just stay.
            Err(failure) if versions.is_empty() && failure.kind == ErrorKind::Damaged => Ok(()),
            done => done,
        }
    }

    async fn remove_versions(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion],
        mut gone: impl FnMut(&SupersededVersion),
    ) -> Result<(), Failure> {
        let named = self.named(id, versions).await?;
        for version in versions {
            if self.0.stop.is_cancelled() {
                return Err(Failure::ended());
            }
            self.0.bucket.remove(&place_of(id, &version.when)).await?;
            gone(version);
        }
        let had: HashSet<&str> = versions.iter().flat_map(names).collect();
        self.sweep(id, &had, &named).await
    }

    /// Removes the objects of `id` that were `had` by superseded versions, or are named by their own bytes, that no
    /// manifest names, and that are not young.
    async fn sweep(&self, id: &ElementId, had: &HashSet<&str>, named: &HashSet<String>) -> Result<(), Failure> {
        let bucket = &self.0.bucket;
        let may_be_ours = |name: &str| Naming::ByContent.plain(name) != name;
        let is_old = |modified: Time| modified.age() > YOUNG;
        let listed = bucket.list_files(id.as_str()).await?;
        let is_unnamed = |name: &str| may_be_ours(name) && !named.contains(name);
        let objects = listed.into_iter().filter(|(_, object)| is_unnamed(&object.name));
        let removals = objects.filter(|(_, object)| is_old(object.modified)).map(|(path, object)| async move {
            if !had.contains(object.name.as_str()) && !self.is_ours(&path, &object.name).await? {
                return Ok(());
            }
            // A run may have put it again since the listing, and be about to name it.
            match bucket.head(&path).await? {
                Some(object) if is_old(object.modified) => bucket.remove(&path).await,
                _ => Ok(()),
            }
        });
        let removals: Vec<_> = removals.collect();
        futures::stream::iter(removals).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Whether the program gave its name to an object that no manifest names: by its own bytes. Others have other
    /// names.
    async fn is_ours(&self, path: &str, name: &str) -> Result<bool, Failure> {
        if layout::is_ours(&Naming::ByContent.plain(name)) {
            return Ok(true);
        }
        let found = self.0.bucket.hash(path, |_| ()).await?;
        Ok(found.is_some_and(|(_, digest)| Naming::ByContent.fits(name, digest)))
    }

    /// The names of all objects that stay when `versions` go: those that are named by the standing manifest, by a
    /// superseded one that is kept, or by one put aside as damaged that stood within the last day.
    async fn named(&self, id: &ElementId, versions: &[SupersededVersion]) -> Result<HashSet<String>, Failure> {
        // What stands is read before the history: a manifest that is superseded meanwhile is found here, or there.
        let Occupant::Version(standing) = standing::find(&self.0.bucket, id).await? else {
            // What stood is lost, and this may be all that is left of it.
            let message = "no manifest stands that could be read; nothing of its past is removed";
            return Err(Failure::new(ErrorKind::Damaged, message));
        };
        let past = self.past(id).await?;
        if let Some(past) = past.iter().find(|past| past.manifest.is_err()) {
            // It may name any of the objects.
            let message = format!("the superseded manifest {} can't be read; nothing is removed", past.when);
            return Err(Failure::new(ErrorKind::Damaged, message));
        }
        let is_kept = |past: &&SupersededVersion| !versions.iter().any(|version| version.when == past.when);
        let kept = past.iter().filter(is_kept).flat_map(names);
        let stands = standing.checked.manifest.own_files().map(|file| file.name);
        let mut named: HashSet<String> = stands.chain(kept).map(str::to_owned).collect();
        for (path, object) in self.0.bucket.list(&Shelf::Damaged.path(id)).await? {
            if object.name == MANIFEST
                && object.modified.age() <= YOUNG
                && let Some(revision) = self.0.bucket.read(&path).await?
                && let Ok(manifest) = readable(&revision, id)
            {
                named.extend(manifest.own_files().map(|file| file.name.to_owned()));
            }
        }
        Ok(named)
    }
}

/// The names that a superseded version names.
fn names(version: &SupersededVersion) -> impl Iterator<Item = &str> {
    version.manifest.iter().flat_map(|manifest| manifest.own_files().map(|file| file.name))
}

#[cfg(test)]
mod tests;
