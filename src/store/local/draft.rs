//! Drafts: versions that may not replace what stands, or could not. A draft waits in `staging/<id>/draft`, so that the
//! next run need not download again what it holds.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Own;
use super::seal::{SEALED, VERSION};
use super::standing::{self, Version};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
use crate::manifest::Manifest;
use crate::plan::Checked;
use crate::store::dir::Dir;
pub(super) use crate::store::stage::{DRAFT, restore};
use crate::store::stage::{FORMER, Stage};

/// How long a draft is kept since it was put together.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Keeps the version that is complete in `stage` as the element's draft, flushed, in the place of an older one.
///
/// # Errors
/// It can't be flushed or moved.
pub(super) fn keep(own: &Own, stage: &Stage) -> Result<(), Failure> {
    let Stage { dir, version, .. } = stage;
    let keep = || {
        if !own.no_sync {
            version.sync_with_files()?;
        }
        // Where it was sealed to be committed, and was not, it must not be any more.
        dir.remove_if_there(SEALED)?;
        if dir.has(DRAFT)? {
            dir.rename_new(DRAFT, dir, FORMER)?;
        }
        dir.rename_new(VERSION, dir, DRAFT)?;
        let moved = if own.no_sync { &[][..] } else { &[dir, &*own.staging] };
        moved.iter().try_for_each(|dir| dir.sync())?;
        dir.remove_tree(FORMER)
    };
    keep().map_err(|error| Failure::io(format!("keep {}", dir.at(DRAFT)), &error))
}

/// Whether `staged`, the staging folder of `id`, holds a draft that is still of use: one that can be read, and is not
/// too old. That it can't be read just now is an error: nothing may be deleted on such a guess.
pub(super) fn is_of_use(staged: &Dir, id: &ElementId) -> io::Result<bool> {
    let bytes = match staged.dir(DRAFT).and_then(|draft| draft.read(MANIFEST)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if standing::is_no_folder(&error) || standing::is_no_file(&error) => return Ok(false),
        bytes => bytes?,
    };
    Ok(Manifest::parse(&bytes, id).is_ok_and(|manifest| manifest.committed_at.age() <= MAX_AGE))
}

/// The draft of `id`. All its files are hashed, whatever their times say: nobody has verified them since they were
/// kept.
pub(super) fn look(staging: &Dir, id: &ElementId, stop: &CancellationToken) -> Result<Option<Version>, Failure> {
    let Ok(dir) = staging.dir(format!("{id}/{DRAFT}")) else { return Ok(None) };
    let Some(manifest) = manifest(&dir, id) else { return Ok(None) };
    let mut damaged = Vec::new();
    for asset in &manifest.assets {
        match standing::hash(&dir, &asset.file, Some(stop)) {
            Ok(found) if found == asset.sha256 => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(Failure::io(format!("read {}", dir.at(&asset.file)), &error));
            }
            // What can't be read is fetched again.
            _ => damaged.push(asset.file.clone()),
        }
    }
    Ok(Some(Version { place: Arc::new(dir), checked: Checked { manifest, damaged } }))
}

fn manifest(draft: &Dir, id: &ElementId) -> Option<Manifest> {
    Manifest::parse(&draft.read(MANIFEST).ok()?, id).ok()
}

#[cfg(test)]
mod tests;
