//! Which elements a mirror holds, by the names of folders.

use std::ffi::OsString;
use std::io;

use super::LocalStore;
use super::dir::Dir;
use crate::element::ElementId;
use crate::error::RunError;
use crate::layout::{MANIFEST, OWN};
use crate::manifest::Manifest;

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
        self.shelves().and_then(|shelves| shelves.as_ref().map_or(Ok(Vec::new()), ids)).map_err(cannot)
    }

    /// Whether a run has ever worked on it, or it is a copy of such a one.
    pub(super) fn is_mirror(&self) -> bool {
        let Some(root) = &self.0.root else { return false };
        let is_element = |id: ElementId| {
            root.read(&format!("{id}/{MANIFEST}")).is_ok_and(|bytes| Manifest::parse(&bytes, &id).is_ok())
        };
        root.has(OWN).unwrap_or(true) || ids(root).is_ok_and(|ids| ids.into_iter().any(is_element))
    }
}

/// The names in `dir` that are IDs, in their order. Where a folder is exchanged its entry may move in the listing, past
/// the place that is read: what one reading misses, a second one has.
fn ids(dir: &Dir) -> io::Result<Vec<ElementId>> {
    let id = |name: OsString| name.to_str()?.parse().ok();
    let mut ids: Vec<ElementId> = Vec::new();
    for _ in 0..2 {
        ids.extend(dir.list()?.into_iter().filter_map(id));
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}
