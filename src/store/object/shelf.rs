//! The shelves in a bucket: superseded manifests, and what was damaged.

use bytes::Bytes;

use super::bucket::{Body, Bucket, Condition, Refused};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
pub(super) use crate::store::shelf::Shelf;

impl Shelf {
    /// A free place on the shelf: `when`, or with `-2`, `-3`… where that is taken.
    pub(super) async fn free_place(self, bucket: &Bucket, id: &ElementId, when: &str) -> Result<String, Failure> {
        let folder = self.path(id);
        let taken = bucket.folders(&folder).await?;
        let name = names(when).find(|name| !taken.contains(name)).unwrap_or_default();
        Ok(format!("{folder}/{name}"))
    }

    /// Keeps a manifest at `when` on the shelf, or under a numbered name where another one has that. Nothing is done
    /// where it is there already.
    pub(super) async fn keep_manifest(
        self,
        bucket: &Bucket,
        (id, when): (&ElementId, &str),
        bytes: &Bytes,
    ) -> Result<(), Failure> {
        for name in names(when) {
            let path = format!("{}/{name}/{MANIFEST}", self.path(id));
            match bucket.put_once(&path, Body::json(bytes.clone()), Condition::Absent).await {
                Ok(()) => return Ok(()),
                Err(Refused::Condition(_)) => {}
                Err(Refused::Otherwise(failure)) => return Err(failure),
            }
        }
        Ok(())
    }
}

/// `when`, `when-2`, `when-3`…
fn names(when: &str) -> impl Iterator<Item = String> {
    (1_u64..).map(move |number| if number == 1 { when.to_owned() } else { format!("{when}-{number}") })
}
