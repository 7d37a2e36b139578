//! What a mirror holds beside what stands: superseded versions, `history/<id>/<when>/`, and which elements there are.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use super::LocalStore;
use super::dir::Dir;
use super::standing::{self, Found, MOST_LOOKS};
use crate::element::ElementId;
use crate::error::Failure;
use crate::keep::Past;
use crate::layout::{OWN, SUMS};
use crate::manifest::Manifest;
use crate::time::Time;

/// A superseded version.
pub struct PastVersion {
    /// Its folder's name in `history/<id>/`: when it was committed, with `-2`… where that was taken.
    pub when: String,
    /// What it holds, or what is wrong with it: a damaged one, or one of a newer format.
    pub manifest: Result<Manifest, String>,
    /// Whether the checksums beside its manifest are its own.
    pub(super) sums_hold: bool,
    /// Its folder's, where it could be opened: names are used again.
    inode: Option<(u64, u64)>,
    place: Place,
    /// The folder that it is in. (Of a long history not every folder can be open at once.)
    pub(super) shelf: Arc<Dir>,
}

/// A manifest, or what is wrong with it: a verb, and what follows.
type Readable = Result<Manifest, String>;

/// Where a version belongs in its element's history: its time, and the number behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: Time,
    number: u64,
}

impl PastVersion {
    /// When it was committed; of a damaged one, what its name says.
    pub fn committed_at(&self) -> Time {
        self.place.time
    }

    /// As the rules of keeping see it.
    pub fn past(&self) -> Past {
        Past { committed_at: self.place.time, is_readable: self.manifest.is_ok() && self.sums_hold }
    }

    /// How many bytes its files have by its manifest, none where that can't be read.
    pub fn size(&self) -> Option<u64> {
        self.manifest.as_ref().ok().map(Manifest::size)
    }

    /// How many files, and bytes in them, are in its folder, whatever its manifest says.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn on_disk(&self) -> Result<(u64, u64), Failure> {
        let count = || {
            let dir = self.dir()?;
            let (mut files, mut bytes) = (0, 0);
            for name in dir.names()? {
                let entry = dir.entry(name?)?;
                if entry.is_file {
                    (files, bytes) = (files + 1, bytes + entry.size);
                }
            }
            Ok((files, bytes))
        };
        count().map_err(|error| Failure::io(format!("list {}", self.shelf.at(&self.when)), &error))
    }

    /// Whether its folder is still where it was.
    pub(super) fn is_kept(&self) -> bool {
        self.shelf.entry(&self.when).map_or_else(
            |error| error.kind() != io::ErrorKind::NotFound,
            |entry| self.inode.is_none_or(|inode| inode == entry.inode),
        )
    }

    /// Moves its folder away, if it is still there.
    pub(super) fn move_to(&self, to: &Dir, name: &str) -> io::Result<()> {
        match self.shelf.rename_new(&self.when, to, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Its open folder.
    pub(super) fn dir(&self) -> io::Result<Dir> {
        self.shelf.dir(&self.when)
    }
}

impl Place {
    /// From a folder's name; none where the program would not have named it so.
    fn parse(when: &str) -> Option<Self> {
        let (time, number) = match when.split_once('-') {
            Some((time, number)) => (time, number.parse().ok().filter(|number| *number > 1)?),
            None => (when, 1),
        };
        Some(Self { time: Time::from_compact(time)?, number })
    }
}

impl LocalStore {
    /// The superseded versions of `id`, in the order in which they stood. What others put there is left out.
    ///
    /// # Errors
    /// They can't be read.
    pub fn history(&self, id: &ElementId) -> Result<Vec<PastVersion>, Failure> {
        let cannot = |error: io::Error| Failure::io(format!("read the history of {id}"), &error);
        let Some(shelf) = self.shelf(id).map_err(cannot)? else { return Ok(Vec::new()) };
        let shelf = Arc::new(shelf);
        let mut past = Vec::new();
        for name in shelf.names().map_err(cannot)? {
            past.extend(look(&shelf, &name.map_err(cannot)?, id)?);
        }
        past.sort_by_key(|past| past.place);
        Ok(past)
    }

    /// Whether `id` has a folder for superseded versions.
    ///
    /// # Errors
    /// That can't be known.
    pub fn has_history(&self, id: &ElementId) -> Result<bool, Failure> {
        let shelf = self.shelf(id);
        shelf.map(|shelf| shelf.is_some()).map_err(|error| Failure::io(format!("read the history of {id}"), &error))
    }

    /// The manifest that stands for `id`, held against SHA256SUMS, its files unchecked; an error says in words why there
    /// is none that can be read, `None` that nothing of ours stands there at all.
    ///
    /// # Errors
    /// It can't be read.
    pub fn standing_manifest(&self, id: &ElementId) -> Result<Option<Result<Manifest, String>>, Failure> {
        let Some(root) = &self.0.root else { return Ok(None) };
        Ok(find(root, id.as_str(), id)?.map(|content| content.manifest))
    }

    /// The folder `history/`; none where there is none.
    pub(super) fn shelves(&self) -> io::Result<Option<Dir>> {
        if let Some(own) = &self.0.own {
            return own.history.again().map(Some);
        }
        let Some(root) = &self.0.root else { return Ok(None) };
        match folder(root, OWN)? {
            Some(own) => folder(&own, "history"),
            None => Ok(None),
        }
    }

    /// The folder `history/<id>/`; none where there is none.
    fn shelf(&self, id: &ElementId) -> io::Result<Option<Dir>> {
        match &self.0.own {
            Some(own) => folder(&own.history, id.as_str()),
            None => self.shelves()?.map_or(Ok(None), |shelves| folder(&shelves, id.as_str())),
        }
    }
}

/// The folder `name`, where there is one.
fn folder(dir: &Dir, name: &str) -> io::Result<Option<Dir>> {
    match dir.dir(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound || standing::is_no_folder(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// The superseded version in the folder `name`, if it is one.
fn look(shelf: &Arc<Dir>, name: &OsString, id: &ElementId) -> Result<Option<PastVersion>, Failure> {
    let Some((when, place)) = name.to_str().and_then(|when| Some((when, Place::parse(when)?))) else { return Ok(None) };
    let Some(Content { manifest, sums_hold, inode }) = find(shelf, when, id)? else { return Ok(None) };
    let place = manifest.as_ref().map_or(place, |manifest| Place { time: manifest.committed_at, ..place });
    Ok(Some(PastVersion { when: when.to_owned(), manifest, sums_hold, inode, place, shelf: Arc::clone(shelf) }))
}

/// What is in a version's folder.
struct Content {
    manifest: Readable,
    sums_hold: bool,
    inode: Option<(u64, u64)>,
}

/// What is in the folder `name`; none where there is none, or nothing in it is ours.
fn find(place: &Dir, name: &str, id: &ElementId) -> Result<Option<Content>, Failure> {
    let mut found = None;
    for _ in 0..MOST_LOOKS {
        let dir = match folder(place, name) {
            Err(error) if standing::is_damage(&error) => {
                let manifest = Err(format!("can't be opened: {error}"));
                return Ok(Some(Content { manifest, sums_hold: true, inode: None }));
            }
            dir => dir.map_err(|error| Failure::io(format!("open {}", place.at(name)), &error))?,
        };
        let Some(dir) = dir else { return Ok(None) };
        found = read(&dir, id)?;
        // One that was replaced or pruned meanwhile may have been half gone.
        if found.as_ref().is_some_and(|content| content.manifest.is_ok()) || standing::is_still(place, name, &dir) {
            break;
        }
    }
    Ok(found)
}

/// What is in `dir`; none where nothing in it is ours.
fn read(dir: &Dir, id: &ElementId) -> Result<Option<Content>, Failure> {
    let (manifest, sums_hold) = match standing::find_manifest(dir, id)? {
        Found::Whole(manifest, sums_hold) => (Ok(*manifest), sums_hold),
        Found::Damaged(why) => (Err(format!("is damaged: {why}")), true),
        Found::Foreign(error) => (Err(format!("can't be used: {error}")), true),
        // A pruning leaves what others put there without either; that has any name.
        Found::Nothing if dir.entry(SUMS).is_ok() => (Err("is missing".to_owned()), true),
        Found::Nothing => return Ok(None),
    };
    Ok(Some(Content { manifest, sums_hold, inode: dir.entry(".").ok().map(|entry| entry.inode) }))
}

#[cfg(test)]
mod tests;
