//! Clearing away the folder that a new version superseded: strangers' files move on into the new one, a whole version
//! goes to history, and one that is not whole is put aside.

use std::io;

use super::seal::{Displaced, Fate, OLD, Site, VERSION};
use super::shelf::{self, Shelf};
use super::standing;
use crate::digest::Digest;
use crate::error::Failure;
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::Manifest;
use crate::store::dir::Dir;

impl Site<'_> {
    /// Steps (c) and (d): strangers' files move into the new version, the superseded folder moves to where it is to be
    /// kept. After an interruption anywhere in it, it may be begun again.
    pub(super) fn clear_away(&self, displaced: &Displaced) -> Result<(), Failure> {
        let clear_away = || {
            let place = if self.staged.has(OLD)? { OLD } else { VERSION };
            match self.staged.dir(place) {
                Ok(old) => {
                    let shelf = self.clear(&old, displaced)?;
                    shelf.map_or(Ok(()), |shelf| self.shelve(place, shelf, &displaced.when))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                // Somebody's link or file, that took the old folder's place just before the exchange.
                Err(error) if standing::is_no_folder(&error) => self.shelve(place, Shelf::Damaged, &displaced.when),
                Err(error) => Err(error),
            }
        };
        clear_away().map_err(|error| Failure::io(format!("clear away the superseded version of {}", self.id), &error))
    }

    /// Moves strangers' files from the superseded folder `old` to the new one, and makes damaged files of `old` good
    /// from the new version. Says on which shelf `old` is to be kept, if on any: what can't be made whole is no part of
    /// history.
    fn clear(&self, old: &Dir, displaced: &Displaced) -> io::Result<Option<Shelf>> {
        let new = &self.root.dir(self.id.as_str())?;
        let manifest_of = |dir: &Dir| dir.read(MANIFEST).ok().and_then(|bytes| Manifest::parse(&bytes, self.id).ok());
        let old_manifest = manifest_of(old).filter(|_| displaced.fate != Fate::Damaged);
        let new_manifest = manifest_of(new);
        let (mut left_behind, mut is_whole) = (false, true);
        for name in standing::strangers(old, old_manifest.as_ref())? {
            match old.rename_new(&name, new, &name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => left_behind = true,
                done => done?,
            }
        }
        let Some(old_manifest) = old_manifest else {
            return Ok((!old.list()?.is_empty()).then_some(Shelf::Damaged));
        };
        for file in &displaced.damaged {
            if !self.remove_damaged(old, file)? {
                left_behind = true;
                continue;
            }
            let whole = new_manifest.as_ref().and_then(|new_manifest| twin(&old_manifest, file, new_manifest));
            match whole {
                Some(whole) => new.share(whole, old, file)?,
                None if file == SUMS => {
                    let sums = old_manifest.sums(Digest::of(&old.read(MANIFEST)?));
                    old.write(SUMS, sums.as_bytes(), Some(old_manifest.committed_at))?;
                }
                None => is_whole = false,
            }
        }
        if !displaced.damaged.is_empty() && !self.own.no_sync {
            old.sync_with_files()?;
        }
        // Whether the new version has it all is asked once more: the folder may have been changed since the seal was
        // written.
        let same = new_manifest.is_some_and(|new_manifest| old_manifest.holds_same(&new_manifest));
        // A stranger that found no place in the new version is kept with the old one, and so is what can't be removed.
        let is_discarded = displaced.fate == Fate::Discard && same && !left_behind;
        // What is kept in history is whole.
        let shelf = if is_whole { Shelf::History } else { Shelf::Damaged };
        Ok((!is_discarded).then_some(shelf))
    }

    /// Removes a damaged file, which has a second name aside. A folder in its place can have none, and is moved there.
    /// False where the disk has lost what is at the name, so that it can't be removed.
    fn remove_damaged(&self, old: &Dir, file: &str) -> io::Result<bool> {
        match old.entry(file) {
            Ok(entry) if entry.is_dir => shelf::aside(self.own, self.id, |aside| old.rename_new(file, aside, file))?,
            Ok(_) => old.remove_file(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if standing::is_damage(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Moves the superseded folder from `place` to `when` on its shelf; where that was taken meanwhile, beside it.
    fn shelve(&self, place: &str, shelf: Shelf, when: &str) -> io::Result<()> {
        let folder = shelf.ensure(self.own, self.id)?;
        match self.staged.rename_new(place, &folder, when) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let free = shelf.free_name(self.own, self.id, when)?;
                self.staged.rename_new(place, &folder, free)
            }
            done => done,
        }
    }
}

/// The file of `new` that has the bytes which `file` should have in `old`.
fn twin<'a>(old: &Manifest, file: &str, new: &'a Manifest) -> Option<&'a str> {
    let lost = old.own_files().find(|lost| lost.name == file)?;
    new.own_files().find(|other| other.sha256 == lost.sha256).map(|other| other.name)
}
