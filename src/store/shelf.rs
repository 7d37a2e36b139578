//! The shelves: `history/<id>/` and `damaged/<id>/`, where what is superseded or damaged is kept.

use crate::element::ElementId;
use crate::layout::{DAMAGED, HISTORY, OWN};

/// A shelf of the program's own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Superseded versions: whole, or in a bucket their manifests.
    History,
    /// What was found edited or damaged.
    Damaged,
}

impl Shelf {
    /// Its name in the program's own folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::History => HISTORY,
            Self::Damaged => DAMAGED,
        }
    }

    /// The path of its folder of the element `id`, from the destination on.
    pub(super) fn path(self, id: &ElementId) -> String {
        format!("{OWN}/{}/{id}", self.name())
    }
}
