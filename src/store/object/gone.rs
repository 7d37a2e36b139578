//! Notes about elements that the API does not know any more: objects `gone/<id>` that hold the time since when. Which
//! there are is listed once, so that an element without one costs no request.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bucket::{Body, Bucket};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{GONE, OWN};
use crate::time::Time;

/// The elements of which there is a note.
pub(super) struct Gone(Mutex<HashSet<ElementId>>);

fn place(id: &ElementId) -> String {
    format!("{OWN}/{GONE}/{id}")
}

impl Gone {
    /// Lists the notes.
    pub(super) async fn list(bucket: &Bucket) -> Result<Self, Failure> {
        let notes = bucket.list(&format!("{OWN}/{GONE}")).await?;
        Ok(Self(Mutex::new(notes.into_iter().filter_map(|(_, note)| note.name.parse().ok()).collect())))
    }

    /// Since when `id` is gone, where that was noted.
    pub(super) async fn since(&self, bucket: &Bucket, id: &ElementId) -> Result<Option<Time>, Failure> {
        if !self.ids().contains(id) {
            return Ok(None);
        }
        let note = bucket.read(&place(id)).await?;
        Ok(note.and_then(|note| Time::from_rfc3339(String::from_utf8_lossy(&note.bytes).trim())))
    }

    /// Notes that `id` is gone.
    pub(super) async fn note(&self, bucket: &Bucket, id: &ElementId, since: Time) -> Result<(), Failure> {
        bucket.put(&place(id), Body::text(format!("{since}\n"))).await?;
        self.ids().insert(id.clone());
        Ok(())
    }

    /// Forgets that `id` was gone.
    pub(super) async fn clear(&self, bucket: &Bucket, id: &ElementId) -> Result<(), Failure> {
        if !self.ids().contains(id) {
            return Ok(());
        }
        bucket.remove(&place(id)).await?;
        self.ids().remove(id);
        Ok(())
    }

    // The set is whole after any panic.
    fn ids(&self) -> MutexGuard<'_, HashSet<ElementId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
