//! What a look at an element's versions found: which files are not as their manifest says.

use std::fmt;

use super::standing::Holds;
use crate::digest::Digest;
use crate::manifest::Manifest;

/// How much is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Depth {
    /// Superseded versions too.
    pub history: bool,
    /// Only whether each file is there and has its size: no file is read.
    pub quick: bool,
}

/// What was found of an element.
pub struct Inspection<P> {
    /// The version that stands.
    pub standing: Option<Inspected<P>>,
    /// What is in its place instead of a version, where files of ours are.
    pub remains: Option<Holds>,
    /// The superseded versions, in the order in which they stood; none where they were not looked at.
    pub past: Vec<Inspected<P>>,
}

/// A version, and what is wrong with it.
pub struct Inspected<P> {
    /// Its folder's name in the element's history; none for the version that stands.
    pub when: Option<String>,
    /// What messages put before the names of its files: nothing for files in the element's own folder, else a path from
    /// the mirror on, with a slash at its end.
    pub folder: String,
    /// What it should hold; none where its manifest can't be read, which is one of the flaws then.
    pub manifest: Option<Manifest>,
    /// Its files that are not as they should be.
    pub flaws: Vec<Flaw>,
    pub(super) place: P,
}

/// A file that is not as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Its name in the version's folder.
    pub file: String,
    /// The digest that it should have; none where no manifest says.
    pub digest: Option<Digest>,
    /// What is wrong.
    pub defect: Defect,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It is not there.
    Missing,
    /// Something else has its name: a folder, a symbolic link.
    NoFile,
    /// It has more or fewer bytes than it should.
    Size {
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// Its bytes have another digest.
    Bytes,
    /// The disk has lost it; what the system says.
    Unreadable(String),
    /// It is a manifest that can't be trusted.
    Manifest(String),
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::NoFile => f.write_str("is no file"),
            Self::Size { found, expected } => write!(f, "has {found} bytes, not {expected}"),
            Self::Bytes => f.write_str("has other bytes"),
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
            Self::Manifest(why) => f.write_str(why),
        }
    }
}

impl<P> Default for Inspection<P> {
    fn default() -> Self {
        Self { standing: None, remains: None, past: Vec::new() }
    }
}

impl<P> Inspection<P> {
    /// All versions that were looked at.
    pub fn versions(&self) -> impl Iterator<Item = &Inspected<P>> {
        self.standing.iter().chain(&self.past)
    }
}
