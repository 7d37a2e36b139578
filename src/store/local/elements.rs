//! Which elements a mirror holds: their folders, listed as they are asked for.

use super::LocalStore;
use super::dir::Dir;
use crate::element::ElementId;
use crate::error::RunError;
use crate::layout::{MANIFEST, OWN};

impl LocalStore {
    /// The elements that have a folder in the destination, and those that have superseded versions alone: each once,
    /// read as they are asked for.
    ///
    /// # Errors
    /// The folders can't be listed.
    pub fn all_elements(&self) -> Result<impl Iterator<Item = Result<ElementId, RunError>> + Send + use<>, RunError> {
        let (here, past) = (self.elements()?, self.elements_with_history()?);
        let store = self.clone();
        let is_listed = move |id: &ElementId| {
            let root = store.0.root.as_ref();
            root.is_some_and(|root| root.has(id.as_str()).unwrap_or(true) && store.may_stand(root, id))
        };
        Ok(here.chain(past.filter(move |id| !id.as_ref().is_ok_and(&is_listed))))
    }

    /// The elements that have a folder in the destination, read as they are asked for. Something else of an element's name
    /// counts where the mirror knows the element, or it can't be known what it is: whoever looks closer will say.
    ///
    /// # Errors
    /// The destination can't be listed.
    pub fn elements(&self) -> Result<impl Iterator<Item = Result<ElementId, RunError>> + Send + use<>, RunError> {
        let again = || self.0.root.as_ref().map(Dir::again).transpose();
        let (root, store) = (again().map_err(|error| cannot_list(self.0.path.display(), error))?, self.clone());
        names(root, move |root, id| store.may_stand(root, id))
    }

    /// The elements that have a folder for superseded versions, read as they are asked for.
    ///
    /// # Errors
    /// They can't be listed.
    pub fn elements_with_history(
        &self,
    ) -> Result<impl Iterator<Item = Result<ElementId, RunError>> + Send + use<>, RunError> {
        let cannot = |error| cannot_list(format!("the history of {}", self.0.path.display()), error);
        let is_folder = |shelves: &Dir, id: &ElementId| shelves.entry(id.as_str()).map_or(true, |entry| entry.is_dir);
        names(self.shelves().map_err(cannot)?, is_folder)
    }

    /// Whether a run has ever worked on it, or it is a copy of such a one.
    pub fn is_mirror(&self) -> bool {
        let Some(root) = &self.0.root else { return false };
        let has_element =
            |id: Result<ElementId, _>| id.is_ok_and(|id| root.has(&format!("{id}/{MANIFEST}")).unwrap_or(false));
        root.has(OWN).unwrap_or(true) || self.elements().is_ok_and(|mut ids| ids.any(has_element))
    }

    fn may_stand(&self, root: &Dir, id: &ElementId) -> bool {
        match root.entry(id.as_str()) {
            Ok(entry) if !entry.is_dir => self.has_history(id).unwrap_or(true) || self.gone_since(id).is_some(),
            _ => true,
        }
    }
}

fn cannot_list(what: impl std::fmt::Display, error: std::io::Error) -> RunError {
    RunError::io(format!("can't list {what}"), error)
}

/// The names in `dir` that are IDs, and that `counts`.
fn names(
    dir: Option<Dir>,
    counts: impl Fn(&Dir, &ElementId) -> bool + Send,
) -> Result<impl Iterator<Item = Result<ElementId, RunError>> + Send, RunError> {
    let names = dir.map(|dir| match dir.names() {
        Ok(names) => Ok((dir, names)),
        Err(error) => Err(cannot_list(dir.at(""), error)),
    });
    let ids = names.transpose()?.map(|(dir, names)| {
        names.filter_map(move |name| match name {
            Err(error) => Some(Err(cannot_list(dir.at(""), error))),
            Ok(name) => name.to_str()?.parse().ok().filter(|id| counts(&dir, id)).map(Ok),
        })
    });
    Ok(ids.into_iter().flatten())
}
