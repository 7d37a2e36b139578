//! The seal: what a commit is to do, written down before it is begun.

use serde::{Deserialize, Serialize};

use super::Own;
use crate::digest::Digest;
use crate::element::ElementId;
use crate::store::dir::Dir;
pub(super) use crate::store::stage::{SEALED, VERSION};

/// Where the superseded folder waits in an element's staging folder, on file systems that can't exchange two folders.
pub(super) const OLD: &str = "old";

/// What a commit is to do: enough to finish it after any interruption.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The digest of the new `manifest.json`.
    pub(super) manifest: Digest,
    /// What becomes of the folder that stands; none where there is none.
    pub(super) superseded: Option<Displaced>,
}

/// What becomes of a superseded folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Displaced {
    pub(super) fate: Fate,
    /// The folder's name under `history/<id>/` or `damaged/<id>/`.
    pub(super) when: String,
    /// Files that were found damaged; they were put aside, and the new version may have them whole.
    pub(super) damaged: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fate {
    /// A version: it goes to history.
    History,
    /// It holds nothing that the new version does not.
    Discard,
    /// It has no manifest that can be read: it is put aside whole.
    Damaged,
}

/// Where the commit of one element takes place.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    /// The destination, where the element's folder is.
    pub(super) root: &'a Dir,
    pub(super) own: &'a Own,
    /// The element's staging folder.
    pub(super) staged: &'a Dir,
    pub(super) id: &'a ElementId,
}
