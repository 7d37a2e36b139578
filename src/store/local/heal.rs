//! Healing: a flawed file gets its bytes back where another version of the element has them whole. What was in its place
//! is put aside first, and the good file takes it in one step.

use std::io;

use super::dir::Dir;
use super::inspect::{Inspected, Inspection};
use super::shelf;
use super::{LocalStore, Own, standing};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::manifest::Manifest;

impl LocalStore {
    /// Heals what can be healed of the versions of `id`; their flaws are then those that are left.
    ///
    /// # Errors
    /// A file can't be put aside or in its place.
    pub fn heal(&self, id: &ElementId, inspection: &mut Inspection) -> Result<(), Failure> {
        let own = self.own()?;
        let mut healed = Vec::new();
        for (index, version) in inspection.versions().enumerate() {
            for flaw in &version.flaws {
                let Some(digest) = flaw.digest else { continue };
                let sources = inspection.versions().filter_map(|source| Some((&source.dir, whole(source, digest)?)));
                if let Some(source) = { sources }.find(|(dir, file)| self.holds(dir, file, digest)) {
                    let replaced = replace(own, id, (&version.dir, &flaw.file), source);
                    let failed = |error| Failure::io(format!("heal {}", version.dir.at(&flaw.file)), &error);
                    if replaced.map_err(failed)? {
                        healed.push((index, flaw.file.clone()));
                    }
                }
            }
        }
        for (index, version) in inspection.standing.iter_mut().chain(&mut inspection.past).enumerate() {
            version.flaws.retain(|flaw| !healed.contains(&(index, flaw.file.clone())));
        }
        Ok(())
    }

    /// Whether `file` really has its bytes: an inspection may not have read them.
    fn holds(&self, dir: &Dir, file: &str, digest: Digest) -> bool {
        standing::hash(dir, file, Some(&self.0.stop)).is_ok_and(|found| found == digest)
    }
}

/// The file of `version` that has the bytes of `digest`, and no flaw.
fn whole(version: &Inspected, digest: Digest) -> Option<&str> {
    let mut files = version.manifest.iter().flat_map(Manifest::own_files);
    let is_flawed = |file: &str| version.flaws.iter().any(|flaw| flaw.file == file);
    files.find(|(file, _, other, _)| *other == digest && !is_flawed(file)).map(|(file, ..)| file)
}

/// Puts what is at `file` aside, and a second name of `good` in its place; false where the disk has lost it so far that it
/// can't be put aside.
fn replace(own: &Own, id: &ElementId, (dir, file): (&Dir, &str), (from, good): (&Dir, &str)) -> io::Result<bool> {
    if shelf::put_aside(own, id, dir, &[file.to_owned()])?.is_empty() {
        return Ok(false);
    }
    if dir.entry(file).is_ok_and(|entry| entry.is_dir) {
        shelf::aside(own, id, |aside| dir.rename_new(file, aside, file))?;
    }
    // No ID has a dot in it.
    let waiting = format!("{id}.healed");
    own.staging.remove_if_there(&waiting)?;
    from.share(good, &own.staging, &waiting)?;
    if !own.no_sync {
        own.staging.file(&waiting)?.sync_all()?;
    }
    own.staging.rename(&waiting, dir, file)?;
    if !own.no_sync {
        dir.sync()?;
    }
    Ok(true)
}
