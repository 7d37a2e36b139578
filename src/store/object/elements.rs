//! Which elements a mirror in a bucket holds, by the names of folders.

use super::BucketStore;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::OWN;

impl BucketStore {
    /// The elements whose name a folder has.
    pub(super) async fn standing_elements(&self) -> Result<Vec<ElementId>, Failure> {
        Ok(ids(self.0.bucket.folders("").await?))
    }

    /// The elements whose name a folder in the history has.
    pub(super) async fn past_elements(&self) -> Result<Vec<ElementId>, Failure> {
        Ok(ids(self.0.bucket.folders(&format!("{OWN}/history")).await?))
    }
}

fn ids(names: Vec<String>) -> Vec<ElementId> {
    let mut ids: Vec<ElementId> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
    ids.sort();
    ids.dedup();
    ids
}
