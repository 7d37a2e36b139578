//! What stands in an element's place.

use crate::plan::Checked;

/// What is in an element's place.
pub enum Occupant<P> {
    /// Nothing.
    Nothing,
    /// A version, whole or with damaged files.
    Version(Box<Version<P>>),
    /// Something without a manifest that can be read.
    Remains(Remains<P>),
}

/// A version that is held: the one that stands, or a draft.
pub struct Version<P> {
    pub(super) place: P,
    /// What it holds, and what of that is damaged.
    pub checked: Checked,
}

/// A place without a readable manifest.
pub struct Remains<P> {
    pub(super) place: P,
    /// What it holds instead.
    pub holds: Holds,
}

/// What a place without a readable manifest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing of ours.
    Strangers,
    /// Files of ours; the sentence says what is missing.
    NoManifest(String),
    /// Files of ours; the sentence says what is wrong with the manifest.
    BadManifest(String),
}

impl<P> Remains<P> {
    /// What is wrong with it, where anything is.
    pub fn damage(&self) -> Option<&str> {
        match &self.holds {
            Holds::Strangers => None,
            Holds::NoManifest(damage) | Holds::BadManifest(damage) => Some(damage),
        }
    }
}

impl<P> Occupant<P> {
    /// The standing version.
    pub fn version(&self) -> Option<&Version<P>> {
        match self {
            Self::Version(version) => Some(version),
            Self::Nothing | Self::Remains(_) => None,
        }
    }

    /// What the standing version holds, and what of that is damaged.
    pub fn standing(&self) -> Option<&Checked> {
        self.version().map(|version| &version.checked)
    }

    /// Whether something of it is not as it should be.
    pub fn is_damaged(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Version(version) => !version.checked.damaged.is_empty(),
            Self::Remains(remains) => remains.damage().is_some(),
        }
    }
}
