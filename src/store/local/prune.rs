//! Pruning: superseded versions that are not kept any longer are removed, out of everybody's sight.
//!
//! A version is first moved to `staging/pruned.<id>.<when>`, whole. Once that is durable its files are removed, and
//! last its manifest, since that says which files are ours. What is left is strangers', and is moved back. Wherever
//! this is interrupted, the next run finishes it.

use std::io;

use super::history::SupersededVersion;
use super::shelf::Shelf;
use super::{LocalStore, Own, standing};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
use crate::manifest::Manifest;
use crate::store::dir::Dir;

/// How the names of pruned versions in `staging/` begin. (No ID has a dot.)
const PRUNED: &str = "pruned.";

impl LocalStore {
    /// Removes superseded versions of `id`, and calls `gone` with each as soon as it is. What could not be removed is
    /// out of sight, and left to the next run.
    ///
    /// # Errors
    /// They can't be moved, flushed or removed.
    pub(super) fn prune(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion],
        mut gone: impl FnMut(&SupersededVersion),
    ) -> Result<(), Failure> {
        if versions.is_empty() {
            return Ok(());
        }
        let own = self.own()?;
        // A run that ends leaves what it has moved out of sight to the next one.
        let goes_on = || !self.0.stop.is_cancelled();
        let mut prune = || {
            let mut moved = 0;
            for version in versions.iter().take_while(|_| goes_on()) {
                version.move_to(&own.staging, &staged_name(id, &version.when))?;
                moved += 1;
            }
            settle(own, id)?;
            for version in versions[..moved].iter().take_while(|_| goes_on()) {
                remove(own, id, &version.when)?;
                gone(version);
            }
            Ok(())
        };
        prune().map_err(|error| Failure::io(format!("prune the history of {id}"), &error))
    }
}

fn staged_name(id: &ElementId, when: &str) -> String {
    format!("{PRUNED}{id}.{when}")
}

/// The element and the place of a version that is being pruned, from its `name` in `staging/`.
pub(super) fn parse(name: &str) -> Option<(ElementId, &str)> {
    let (id, when) = name.strip_prefix(PRUNED)?.split_once('.')?;
    Some((id.parse().ok()?, when))
}

/// Goes on with a pruning that was interrupted.
pub(super) fn finish(own: &Own, id: &ElementId, when: &str) -> Result<(), Failure> {
    let finished = settle(own, id).and_then(|()| remove(own, id, when));
    finished.map_err(|error| Failure::io(format!("prune what is left of the version {when} of {id}"), &error))
}

/// Makes it durable that versions were moved out of the history of `id`, whose folder goes where it is empty.
fn settle(own: &Own, id: &ElementId) -> io::Result<()> {
    if !own.no_sync {
        own.staging.sync()?;
        match own.history.dir(id.as_str()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            shelf => shelf?.sync()?,
        }
    }
    own.history.remove_if_empty(id.as_str()).map(drop)
}

/// Removes what is ours of a version that was moved out of sight, and gives what is left its place back.
fn remove(own: &Own, id: &ElementId, when: &str) -> io::Result<()> {
    let name = staged_name(id, when);
    let dir = match own.staging.dir(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // That is no version, which would be a folder.
        Err(error) if standing::is_no_folder(&error) => return own.staging.remove_file(&name),
        dir => dir?,
    };
    match dir.read(MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A manifest that can't be read does not say of any file that it is ours.
        bytes => {
            if let Ok(manifest) = Manifest::parse(&bytes?, id) {
                remove_files(own, &dir, &manifest)?;
            }
        }
    }
    if own.staging.remove_if_empty(&name)? {
        return Ok(());
    }
    let shelf = Shelf::History.ensure(own, id)?;
    let free = Shelf::History.free_name(own, id, when)?;
    own.staging.rename_new(&name, &shelf, free)?;
    let moved: &[&Dir] = if own.no_sync { &[] } else { &[&shelf, &own.history, &own.staging] };
    moved.iter().try_for_each(|dir| dir.sync())
}

/// Removes the files that `manifest` names, and then it itself.
fn remove_files(own: &Own, dir: &Dir, manifest: &Manifest) -> io::Result<()> {
    for file in standing::own_names(manifest).into_iter().filter(|file| *file != MANIFEST) {
        match dir.entry(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A folder in the place of a file is a stranger's.
            Ok(entry) if entry.is_dir => {}
            entry => {
                entry?;
                dir.remove_file(file)?;
            }
        }
    }
    if !own.no_sync {
        dir.sync()?;
    }
    dir.remove_file(MANIFEST)
}

#[cfg(test)]
mod tests;
