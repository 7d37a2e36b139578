//! Superseded versions.

use super::Readable;
use crate::keep::Past;
use crate::manifest::Manifest;
use crate::time::Time;

/// A superseded version.
pub struct SupersededVersion<P> {
    /// Its folder's name in `history/<id>/`: when it was committed, with `-2`… where that was taken.
    pub when: String,
    /// What it holds, or what is wrong with its manifest: that is damaged, or of a newer format.
    pub manifest: Readable,
    /// Whether the checksums beside its manifest are its own.
    pub(super) sums_hold: bool,
    /// Its folder's, where it could be opened. By its name alone it might be another one: names are used again.
    pub(super) inode: Option<(u64, u64)>,
    pub(super) position: Position,
    pub(super) place: P,
}

/// Where a version belongs in its element's history: its time, and the number behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    time: Time,
    number: u64,
}

impl<P> SupersededVersion<P> {
    /// When it was committed, to the second as its name says where its manifest can't be read.
    pub fn committed_at(&self) -> Time {
        self.position.time
    }

    /// As the rules of keeping see it.
    pub(crate) fn past(&self) -> Past {
        Past { committed_at: self.position.time, is_readable: self.manifest.is_ok() && self.sums_hold }
    }

    /// How many bytes its files have by its manifest, none where that can't be read.
    pub fn size(&self) -> Option<u64> {
        self.manifest.as_ref().ok().map(Manifest::size)
    }
}

impl Position {
    /// From a folder's name; none where the program would not have named it so.
    pub(super) fn parse(when: &str) -> Option<Self> {
        let (time, number) = match when.split_once('-') {
            Some((time, number)) => (time, number.parse().ok().filter(|number| *number > 1)?),
            None => (when, 1),
        };
        Some(Self { time: Time::from_compact(time)?, number })
    }

    /// The same, where the version's manifest says another time.
    pub(super) fn at(self, time: Time) -> Self {
        Self { time, ..self }
    }
}
