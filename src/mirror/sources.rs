//! What the mirror holds of an element when its next version is made.

use crate::plan::{Held, Place};
use crate::store::local::standing::{Occupant, Version};

/// What of the element is on disk.
pub(super) struct Sources {
    /// What is in its place.
    pub(super) occupant: Occupant,
    /// What an earlier run had of the next version.
    pub(super) draft: Option<Version>,
}

impl Sources {
    /// What the planner needs to know of it.
    pub(super) fn held(&self) -> Held<'_> {
        Held { standing: self.occupant.standing(), draft: self.draft.as_ref().map(|draft| &draft.standing) }
    }

    pub(super) fn version(&self, place: Place) -> Option<&Version> {
        match place {
            Place::Standing => self.occupant.version(),
            Place::Draft => self.draft.as_ref(),
        }
    }
}
