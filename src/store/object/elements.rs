//! Which elements a mirror in a bucket holds, by the names of folders.

use futures::{StreamExt as _, TryStreamExt as _};

use super::bucket::Bucket;
use super::standing::place;
use super::{AT_A_TIME, BucketStore};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{HISTORY, OWN};
use crate::manifest::Manifest;

impl BucketStore {
    /// The elements whose name a folder has.
    pub(super) async fn standing_elements(&self) -> Result<Vec<ElementId>, Failure> {
        Ok(ids(self.0.bucket.folders("").await?))
    }

    /// The elements whose name a folder in the history has.
    pub(super) async fn past_elements(&self) -> Result<Vec<ElementId>, Failure> {
        Ok(ids(self.0.bucket.folders(&format!("{OWN}/{HISTORY}")).await?))
    }
}

/// Whether the manifest of any element is there: folders may well have such names for other reasons.
pub(super) async fn is_any_there(bucket: &Bucket) -> Result<bool, Failure> {
    let ids = ids(bucket.folders("").await?);
    let is_there = |id: ElementId| async move {
        let found = bucket.read(&place(&id)).await?;
        Ok::<_, Failure>(found.is_some_and(|found| Manifest::parse(&found.bytes, &id).is_ok()))
    };
    let found = futures::stream::iter(ids.into_iter().map(is_there)).buffer_unordered(AT_A_TIME);
    found.try_any(std::future::ready).await
}

fn ids(names: Vec<String>) -> Vec<ElementId> {
    let mut ids: Vec<ElementId> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
    ids.sort();
    ids.dedup();
    ids
}
