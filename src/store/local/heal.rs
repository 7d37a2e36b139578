//! Healing: a flawed file gets its bytes back where another version of the element has them whole. What was in its
//! place is put aside first, and the good file takes it in one step.

use std::io;

use tokio_util::sync::CancellationToken;

use super::inspect::{Inspected, Inspection};
use super::shelf;
use super::{LocalStore, Own, standing};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::Manifest;
use crate::store::dir::Dir;
use crate::store::inspect::Flaw;

impl LocalStore {
    /// Heals what can be healed of the versions of `id`; their flaws are then those that are left.
    ///
    /// # Errors
    /// A file can't be put aside or in its place; or the run has ended.
    pub(super) fn heal(&self, id: &ElementId, inspection: &mut Inspection) -> Result<(), Failure> {
        let own = self.own()?;
        let mut healed = Vec::new();
        for (index, version) in inspection.versions().enumerate() {
            for flaw in &version.flaws {
                let failed =
                    |error| Failure::io(format!("heal {}", version.base().at(&version.path(&flaw.file))), &error);
                if self.heal_flaw((own, id), inspection, (version, flaw)).map_err(failed)? {
                    healed.push((index, flaw.file.clone()));
                }
            }
        }
        for (index, version) in inspection.standing.iter_mut().chain(&mut inspection.past).enumerate() {
            version.flaws.retain(|flaw| !healed.contains(&(index, flaw.file.clone())));
        }
        Ok(())
    }

    /// Heals one `flaw` of a `version`; false where that can't be done.
    fn heal_flaw(
        &self,
        (own, id): (&Own, &ElementId),
        inspection: &Inspection,
        (version, flaw): (&Inspected, &Flaw),
    ) -> io::Result<bool> {
        let dir = &version.folder()?;
        let flawed = Flawed { own, id, dir, file: &flaw.file };
        match (flaw.digest, &version.manifest) {
            (Some(digest), _) => match self.source(inspection, digest)? {
                // Where a manifest has a wrong size, a good file counts as flawed: it can't heal itself.
                Some((from, good)) if !is_one(from, &good, dir, &flaw.file) => {
                    flawed.replace(|to, name| from.share(&good, to, name))
                }
                _ => Ok(false),
            },
            (None, Some(manifest)) if flaw.file == SUMS => flawed.write_sums(manifest, &self.0.stop),
            (None, _) => Ok(false),
        }
    }

    /// A file of any version that really has the bytes of `digest`. It is read, since a quick inspection has read none.
    fn source<'a>(&self, inspection: &'a Inspection, digest: Digest) -> io::Result<Option<(&'a Dir, String)>> {
        for version in inspection.versions() {
            let Some(file) = whole(version, digest) else { continue };
            let (dir, path) = (version.base(), version.path(file));
            if holds(dir, &path, digest, &self.0.stop)? {
                return Ok(Some((dir, path)));
            }
        }
        Ok(None)
    }
}

/// Whether a file has the bytes of `digest`.
///
/// # Errors
/// The run has ended meanwhile: it is not known.
fn holds(dir: &Dir, file: &str, digest: Digest, stop: &CancellationToken) -> io::Result<bool> {
    match standing::hash(dir, file, Some(stop)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
        found => Ok(found.is_ok_and(|found| found == digest)),
    }
}

/// Whether both names are of one file.
fn is_one(one: &Dir, name: &str, other: &Dir, other_name: &str) -> bool {
    matches!((one.entry(name), other.entry(other_name)), (Ok(one), Ok(other)) if one.inode == other.inode)
}

/// The file of `version` that has the bytes of `digest`, and no flaw.
fn whole(version: &Inspected, digest: Digest) -> Option<&str> {
    let mut files = version.manifest.iter().flat_map(Manifest::own_files);
    let is_flawed = |file: &str| version.flaws.iter().any(|flaw| flaw.file == file);
    files.find(|file| file.sha256 == digest && !is_flawed(file.name)).map(|file| file.name)
}

/// A flawed file, where it is.
struct Flawed<'a> {
    own: &'a Own,
    id: &'a ElementId,
    /// The version's folder.
    dir: &'a Dir,
    file: &'a str,
}

impl Flawed<'_> {
    /// Writes the checksums of a version anew, if its files hold what its `manifest` says: where the checksums are
    /// damaged, nothing but the files vouches for the manifest.
    fn write_sums(&self, manifest: &Manifest, stop: &CancellationToken) -> io::Result<bool> {
        for file in manifest.own_files() {
            if !holds(self.dir, file.name, file.sha256, stop)? {
                return Ok(false);
            }
        }
        let sums = manifest.sums(Digest::of(&self.dir.read(MANIFEST)?));
        self.replace(|to, name| to.write(name, sums.as_bytes(), Some(manifest.committed_at)))
    }

    /// Puts what is in the file's place aside, and then the file that `make` makes in its place. False where the disk
    /// has lost what is there, so that it can't be put aside.
    fn replace(&self, make: impl FnOnce(&Dir, &str) -> io::Result<()>) -> io::Result<bool> {
        let Self { own, id, dir, file } = *self;
        if shelf::put_aside(own, id, dir, &[file.to_owned()])?.is_empty() {
            return Ok(false);
        }
        if dir.entry(file).is_ok_and(|entry| entry.is_dir) {
            shelf::aside(own, id, |aside| dir.rename_new(file, aside, file))?;
        }
        // No ID has a dot in it.
        let waiting = format!("{id}.healed");
        own.staging.remove_if_there(&waiting)?;
        make(&own.staging, &waiting)?;
        if !own.no_sync {
            own.staging.file(&waiting)?.sync_all()?;
        }
        own.staging.rename(&waiting, dir, file)?;
        if !own.no_sync {
            dir.sync()?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
