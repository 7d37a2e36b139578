//! Superseded versions in a bucket: `history/<id>/<when>/manifest.json`. What they name stays beside what stands.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};

use super::bucket::{Bucket, Revision};
use super::shelf::Shelf;
use super::standing::{place, readable};
use super::{AT_A_TIME, BucketStore};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
use crate::store::past::{self, Position};

pub(super) type SupersededVersion = past::SupersededVersion<Arc<Revision>>;

/// Where the manifest of a superseded version is.
pub(super) fn place_of(id: &ElementId, when: &str) -> String {
    format!("{}/{when}/{MANIFEST}", Shelf::History.path(id))
}

impl BucketStore {
    /// The superseded versions of `id`, in the order in which they stood.
    pub(super) async fn past(&self, id: &ElementId) -> Result<Vec<SupersededVersion>, Failure> {
        let bucket = &self.0.bucket;
        let names = whens(bucket, id).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // A manifest is kept before the next one takes its place. Where that failed, the one that stands is kept too:
        // it is not superseded.
        let standing = bucket.read(&place(id)).await?;
        let read = |(when, position): (String, Position)| {
            let standing = &standing;
            async move {
                let revision = bucket.read(&place_of(id, &when)).await?;
                let stands = |revision: &Revision| standing.as_ref().is_some_and(|it| it.bytes == revision.bytes);
                let past =
                    revision.filter(|revision| !stands(revision)).map(|revision| of(revision, id, (when, position)));
                Ok::<_, Failure>(past)
            }
        };
        let past: Vec<_> = names.into_iter().map(read).collect();
        let past: Vec<_> = futures::stream::iter(past).buffer_unordered(AT_A_TIME).try_collect().await?;
        let mut past: Vec<SupersededVersion> = past.into_iter().flatten().collect();
        past.sort_by_key(|past| past.position);
        Ok(past)
    }
}

/// The folders in the history of `id` that have names which the program gives.
async fn whens(bucket: &Bucket, id: &ElementId) -> Result<Vec<(String, Position)>, Failure> {
    let names = bucket.folders(&Shelf::History.path(id)).await?;
    Ok(names.into_iter().filter_map(|when| Position::parse(&when).map(|position| (when, position))).collect())
}

fn of(revision: Revision, id: &ElementId, (when, position): (String, Position)) -> SupersededVersion {
    let manifest = readable(&revision, id);
    let position = manifest.as_ref().map_or(position, |manifest| position.at(manifest.committed_at));
    SupersededVersion { when, manifest, sums_hold: true, inode: None, position, place: Arc::new(revision) }
}
