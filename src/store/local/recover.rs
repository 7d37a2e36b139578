//! At the start of a run: what an earlier one sealed is finished, what it left half done is swept away. The table of
//! states that a kill or a power cut can leave is in `docs/design.md`.

use std::io;

use super::Own;
use super::commit::{self, OLD, SEALED, Seal};
use super::dir::Dir;
use super::stage::VERSION;
use super::standing;
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
use crate::manifest::Manifest;

/// What was found under `staging/`.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Elements whose sealed version an earlier run could not finish, and this one did.
    pub finished: Vec<ElementId>,
    /// Elements whose sealed version can't be finished; it stays where it is.
    pub stuck: Vec<(ElementId, Failure)>,
}

/// Finishes or removes everything under `staging/`.
pub(super) fn recover(root: &Dir, own: &Own) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    for name in own.staging.list()? {
        let id = name.to_str().and_then(|name| name.parse::<ElementId>().ok());
        if let Some(id) = id
            && let Ok(staged) = own.staging.dir(&name)
        {
            match finish(root, own, &staged, &id) {
                Ok(true) => recovered.finished.push(id.clone()),
                Ok(false) if staged.has(OLD) && !root.has(id.as_str()) => {
                    staged.rename_new(OLD, root, id.as_str())?;
                }
                Ok(false) => {}
                Err(failure) => {
                    recovered.stuck.push((id, failure));
                    continue;
                }
            }
            if !own.no_sync {
                flush(root, own, &staged, &id)?;
            }
        }
        own.staging.remove_tree(&name)?;
    }
    Ok(recovered)
}

/// Goes on with a sealed commit from where it was interrupted; false where there is none to go on with.
fn finish(root: &Dir, own: &Own, staged: &Dir, id: &ElementId) -> Result<bool, Failure> {
    let seal = staged.read(SEALED).ok().and_then(|bytes| serde_json::from_slice::<Seal>(&bytes).ok());
    let Some(seal) = seal else { return Ok(false) };
    let in_place = root.dir(id.as_str()).is_ok_and(|dir| has_manifest(&dir, seal.manifest));
    if !in_place {
        let whole = staged.dir(VERSION).is_ok_and(|version| is_whole(&version, id, seal.manifest));
        if !whole {
            return Ok(false);
        }
        let moved_away = staged.has(OLD) && !root.has(id.as_str());
        let first = Seal { manifest: seal.manifest, superseded: None };
        commit::exchange(root, staged, id, if moved_away { &first } else { &seal })?;
    }
    commit::clear_away(root, own, staged, id, &seal)?;
    Ok(true)
}

fn has_manifest(dir: &Dir, digest: Digest) -> bool {
    dir.read(MANIFEST).is_ok_and(|bytes| Digest::of(&bytes) == digest)
}

/// Whether a staged version is the sealed one and every file of it has its bytes.
fn is_whole(version: &Dir, id: &ElementId, digest: Digest) -> bool {
    let Ok(bytes) = version.read(MANIFEST) else { return false };
    let Ok(manifest) = Manifest::parse(&bytes, id) else { return false };
    let files_hold = manifest
        .own_files()
        .all(|(file, _, sha256, _)| standing::hash(version, file).is_ok_and(|found| found == sha256));
    let sums_hold = version.read(crate::layout::SUMS).is_ok_and(|sums| sums == manifest.sums(digest).as_bytes());
    Digest::of(&bytes) == digest && files_hold && sums_hold
}

/// Flushes the renames of a recovery before its seal is removed.
fn flush(root: &Dir, own: &Own, staged: &Dir, id: &ElementId) -> io::Result<()> {
    for dir in [root, &own.history, staged] {
        dir.sync()?;
    }
    match own.history.dir(id.as_str()) {
        Ok(dir) => dir.sync(),
        Err(_) => Ok(()),
    }
}
