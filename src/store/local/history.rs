//! Superseded versions: `history/<id>/<when>/`.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use super::LocalStore;
use super::standing::{self, Found, MOST_LOOKS};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{HISTORY, OWN, SUMS};
use crate::manifest::InvalidManifest;
use crate::store::Readable;
use crate::store::dir::Dir;
use crate::store::past::{self, Position};

/// A superseded version. Its place is the folder that its own folder is in: a long history has more folders than can be
/// open at once.
pub(super) type SupersededVersion = past::SupersededVersion<Arc<Dir>>;

impl SupersededVersion {
    /// How many files, and bytes in them, are in its folder, whatever its manifest says.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(super) fn on_disk(&self) -> Result<(u64, u64), Failure> {
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
        count().map_err(|error| Failure::io(format!("list {}", self.place.at(&self.when)), &error))
    }

    /// Whether its folder is still where it was.
    pub(super) fn is_kept(&self) -> bool {
        self.place.entry(&self.when).map_or_else(
            |error| error.kind() != io::ErrorKind::NotFound,
            |entry| self.inode.is_none_or(|inode| inode == entry.inode),
        )
    }

    /// Moves its folder away, if it is still there.
    pub(super) fn move_to(&self, to: &Dir, name: &str) -> io::Result<()> {
        match self.place.rename_new(&self.when, to, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Its open folder.
    pub(super) fn dir(&self) -> io::Result<Dir> {
        self.place.dir(&self.when)
    }
}

impl LocalStore {
    /// See [`Destination::history`](crate::store::Destination::history).
    ///
    /// # Errors
    /// They can't be read.
    pub(super) fn history(&self, id: &ElementId) -> Result<Vec<SupersededVersion>, Failure> {
        let cannot = |error: io::Error| Failure::io(format!("read the history of {id}"), &error);
        let Some(history) = self.history_of(id).map_err(cannot)? else { return Ok(Vec::new()) };
        let history = Arc::new(history);
        let mut past = Vec::new();
        for name in history.names().map_err(cannot)? {
            past.extend(look(&history, &name.map_err(cannot)?, id)?);
        }
        past.sort_by_key(|past| past.position);
        Ok(past)
    }

    /// See [`Destination::standing_manifest`](crate::store::Destination::standing_manifest); the manifest is held
    /// against the checksums beside it.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn standing_manifest(&self, id: &ElementId) -> Result<Option<Readable>, Failure> {
        let Some(root) = &self.0.root else { return Ok(None) };
        Ok(find(root, id.as_str(), id)?.map(|content| content.manifest))
    }

    /// The folder `history/`; none where there is none.
    pub(super) fn history_root(&self) -> io::Result<Option<Dir>> {
        if let Some(own) = &self.0.own {
            return own.history.again().map(Some);
        }
        let Some(root) = &self.0.root else { return Ok(None) };
        match folder(root, OWN)? {
            Some(own) => folder(&own, HISTORY),
            None => Ok(None),
        }
    }

    /// The folder `history/<id>/`; none where there is none.
    fn history_of(&self, id: &ElementId) -> io::Result<Option<Dir>> {
        match &self.0.own {
            Some(own) => folder(&own.history, id.as_str()),
            None => self.history_root()?.map_or(Ok(None), |root| folder(&root, id.as_str())),
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
fn look(history: &Arc<Dir>, name: &OsString, id: &ElementId) -> Result<Option<SupersededVersion>, Failure> {
    let Some((when, position)) = name.to_str().and_then(|when| Some((when, Position::parse(when)?))) else {
        return Ok(None);
    };
    let Some(Content { manifest, sums_hold, inode }) = find(history, when, id)? else { return Ok(None) };
    let position = manifest.as_ref().map_or(position, |manifest| position.at(manifest.committed_at));
    Ok(Some(SupersededVersion {
        when: when.to_owned(),
        manifest,
        sums_hold,
        inode,
        position,
        place: Arc::clone(history),
    }))
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
        Found::Damaged(why) => (Err(InvalidManifest::Damaged(why).predicate()), true),
        Found::Foreign(error) => (Err(error.predicate()), true),
        // Of ours is only what has checksums: a pruned version's folder may still hold strangers' files, by any name.
        Found::Nothing if dir.entry(SUMS).is_ok() => (Err("is missing".to_owned()), true),
        Found::Nothing => return Ok(None),
    };
    Ok(Some(Content { manifest, sums_hold, inode: dir.entry(".").ok().map(|entry| entry.inode) }))
}

#[cfg(test)]
mod tests;
