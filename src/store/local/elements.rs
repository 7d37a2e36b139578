//! Which elements a mirror holds, by the names of folders.

use std::io;

use super::LocalStore;
use crate::element::ElementId;
use crate::error::RunError;
use crate::layout::{MANIFEST, OWN};
use crate::manifest::Manifest;
use crate::store::dir::Dir;

impl LocalStore {
    /// The elements whose name something in the destination has, and those that have superseded versions: each once, in
    /// the order of their names. What it is, and whether it is of ours, whoever looks closer will see.
    ///
    /// # Errors
    /// The folders can't be listed.
    pub(super) fn all_elements(&self) -> Result<Vec<ElementId>, RunError> {
        let cannot = |error| RunError::io(format!("can't list {}", self.0.path.display()), error);
        let mut all = self.0.root.as_ref().map_or(Ok(Vec::new()), ids).map_err(cannot)?;
        all.extend(self.elements_with_history()?);
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// The elements whose name something in the history has, in the order of their names.
    ///
    /// # Errors
    /// They can't be listed.
    pub(super) fn elements_with_history(&self) -> Result<Vec<ElementId>, RunError> {
        let cannot = |error| RunError::io(format!("can't list the history of {}", self.0.path.display()), error);
        self.history_root().and_then(|root| root.as_ref().map_or(Ok(Vec::new()), ids)).map_err(cannot)
    }

    /// Whether a run has ever worked on it, or it is a copy of such a one.
    pub(super) fn is_mirror(&self) -> bool {
        let Some(root) = &self.0.root else { return false };
        root.has(OWN).unwrap_or(true) || ids(root).is_ok_and(|ids| ids.iter().any(|id| self.has_manifest_of(id)))
    }

    /// Whether there is a manifest of `id` where its folder should be, also behind a symbolic link.
    pub(super) fn has_manifest_of(&self, id: &ElementId) -> bool {
        let manifest = self.0.root.as_ref().map(|root| root.read(&format!("{id}/{MANIFEST}")));
        manifest.is_some_and(|read| read.is_ok_and(|bytes| Manifest::parse(&bytes, id).is_ok()))
    }
}

/// The names in `dir` that are IDs, in their order. It is listed twice: where another process exchanges a folder, its
/// entry may move in the listing, past the place that is being read, and what one listing misses the other has.
fn ids(dir: &Dir) -> io::Result<Vec<ElementId>> {
    let mut ids = listed_ids(dir)?;
    ids.extend(listed_ids(dir)?);
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The names in `dir` that are IDs, in no order, as a single listing has them. Only under the lock does it miss none.
pub(super) fn listed_ids(dir: &Dir) -> io::Result<Vec<ElementId>> {
    let mut ids = Vec::new();
    for name in dir.names()? {
        ids.extend(name?.to_str().and_then(|name| name.parse::<ElementId>().ok()));
    }
    Ok(ids)
}
