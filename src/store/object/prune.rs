//! Pruning in a bucket: superseded manifests go first, then objects that nobody has a use for any more.
//!
//! Runs may be under way that nobody here knows of. So nothing is removed that a manifest names which stood within the last
//! day, and nothing that is younger than that: what a run is about to name, it has just put.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};

use super::history::{PastVersion, place_of};
use super::standing::{self, Occupant};
use super::{AT_A_TIME, BucketStore, ended};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::layout::{self, MANIFEST, Naming, SUMS};
use crate::time::Time;

/// Whatever is younger, or was superseded since, stays.
pub(super) const YOUNG: Duration = Duration::from_secs(24 * 3600);

impl BucketStore {
    /// Removes the manifests of `versions`, and then the objects of `id` that none names any more.
    pub(super) async fn prune_versions(&self, id: &ElementId, versions: &[PastVersion]) -> Result<(), Failure> {
        let bucket = &self.0.bucket;
        if versions.is_empty() {
            return Ok(());
        }
        if let Some(past) = self.past(id).await?.iter().find(|past| past.manifest.is_err()) {
            // It may name any of the objects.
            let message = format!("the superseded manifest {} can't be read; nothing is removed", past.when);
            return Err(Failure::new(ErrorKind::Damaged, message));
        }
        for version in versions {
            if self.0.stop.is_cancelled() {
                return Err(ended());
            }
            bucket.remove(&place_of(id, &version.when)).await?;
        }
        let had: HashSet<&str> = versions.iter().flat_map(names).collect();
        self.sweep(id, &had).await
    }

    /// Removes the objects of `id` that were `had` by superseded versions, or by runs that were killed, that no manifest
    /// names, and that are not young.
    async fn sweep(&self, id: &ElementId, had: &HashSet<&str>) -> Result<(), Failure> {
        let bucket = &self.0.bucket;
        let is_ours = |name: &str| name != MANIFEST && name != SUMS && (had.contains(name) || is_data(name));
        let named = self.named(id).await?;
        let is_old = |modified: Time| modified.age() > YOUNG;
        let listed = bucket.list(id.as_str()).await?;
        let objects = listed.into_iter().filter(|(path, object)| {
            path.matches('/').count() == 1 && is_ours(&object.name) && !named.contains(&object.name)
        });
        let removals = objects.filter(|(_, object)| is_old(object.modified)).map(|(path, _)| async move {
            // A run may have put it again since the listing, and be about to name it.
            match bucket.head(&path).await? {
                Some(object) if is_old(object.modified) => bucket.remove(&path).await,
                _ => Ok(()),
            }
        });
        let removals: Vec<_> = removals.collect();
        futures::stream::iter(removals).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// The names that manifests of `id` name.
    async fn named(&self, id: &ElementId) -> Result<HashSet<String>, Failure> {
        // Before the history: what is superseded meanwhile is in the one or in the other.
        let Occupant::Version(standing) = standing::find(&self.0.bucket, id).await? else {
            // What stood is lost, and this may be all that is left of it.
            let message = "no manifest stands that could be read; nothing of its past is removed";
            return Err(Failure::new(ErrorKind::Damaged, message));
        };
        let past = self.past(id).await?;
        let stands = standing.standing.manifest.own_files().map(|(file, ..)| file);
        Ok(stands.chain(past.iter().flat_map(names)).map(str::to_owned).collect())
    }
}

/// The names that a superseded version names.
fn names(version: &PastVersion) -> impl Iterator<Item = &str> {
    version.manifest.iter().flat_map(|manifest| manifest.own_files().map(|(file, ..)| file))
}

/// Whether the program gives such a name to an object: what is named otherwise is others'.
fn is_data(name: &str) -> bool {
    let plain = Naming::ByContent.plain(name);
    plain != name && layout::is_ours(&plain)
}

#[cfg(test)]
mod tests;
