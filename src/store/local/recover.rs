//! Recovery, at the start of a run: what an earlier run sealed is finished, and what it left half done is swept away.
//! The table of states that a kill or a power cut can leave is in `docs/design.md`.

use std::collections::HashSet;
use std::io;

use super::Own;
use super::draft::{self, DRAFT};
use super::flush;
use super::prune;
use super::seal::{Displaced, Fate, OLD, SEALED, Seal, Site, VERSION};
use super::standing;
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::{InvalidManifest, Manifest, OwnFile};
use crate::store::Recovered;
use crate::store::dir::Dir;
use crate::store::stage::Leaves;
use crate::time::Time;

/// Finishes or removes everything under `staging/` but drafts; says what came of that, and which elements have a draft.
pub(super) fn recover(root: &Dir, own: &Own) -> io::Result<(Recovered, HashSet<ElementId>)> {
    let (mut recovered, mut drafts) = (Recovered::default(), HashSet::new());
    for name in own.staging.list()? {
        let Some(id) = name.to_str().and_then(|name| name.parse::<ElementId>().ok()) else {
            match name.to_str().and_then(prune::parse) {
                Some((id, when)) => recovered.unpruned.extend(prune::finish(own, &id, when).err().map(|why| (id, why))),
                // What can't be removed is in nobody's way.
                None => drop(own.staging.remove_tree(&name)),
            }
            continue;
        };
        // One element's trouble keeps no other from being mirrored.
        match take_up(root, own, &id) {
            Ok(Found::Sealed) => recovered.finished.push(id),
            Ok(Found::Draft) => drafts.extend([id]),
            Ok(Found::Litter) => {}
            Err(failure) => recovered.stuck.push((id, failure)),
        }
    }
    Ok((recovered, drafts))
}

/// What was staged for an element.
enum Found {
    /// A sealed version, which was finished.
    Sealed,
    /// A draft, which stays.
    Draft,
    /// Nothing that is of use; it was removed.
    Litter,
}

/// Finishes or removes what is staged for `id`, but for a draft.
fn take_up(root: &Dir, own: &Own, id: &ElementId) -> Result<Found, Failure> {
    let failed = |error: io::Error| Failure::io(format!("clear up {}", own.staging.at(id.as_str())), &error);
    let found = match own.staging.dir(id.as_str()) {
        Ok(staged) if staged.list().map_err(failed)? == [DRAFT] => draft_or_litter(&staged, id).map_err(failed)?,
        Ok(staged) => {
            let site = Site { root, own, staged: &staged, id };
            let finished = finish(site, failed)?;
            if !own.no_sync {
                flush(site).map_err(failed)?;
            }
            if finished {
                Found::Sealed
            } else {
                draft::restore(&staged).map_err(failed)?;
                draft_or_litter(&staged, id).map_err(failed)?
            }
        }
        Err(error) if standing::is_no_folder(&error) => Found::Litter,
        Err(error) => return Err(failed(error)),
    };
    let leaves = if matches!(found, Found::Draft) { Leaves::Draft } else { Leaves::Nothing };
    own.discard(id.as_str(), leaves).map_err(failed)?;
    Ok(found)
}

fn draft_or_litter(staged: &Dir, id: &ElementId) -> io::Result<Found> {
    Ok(if draft::is_of_use(staged, id)? { Found::Draft } else { Found::Litter })
}

/// Goes on with a sealed commit from where it was interrupted; false where there is none to go on with. In both cases
/// nothing but a draft is left in the staging folder that must be kept.
fn finish(site: Site<'_>, failed: impl Fn(io::Error) -> Failure) -> Result<bool, Failure> {
    let Site { root, own, staged, id } = site;
    let text = if_there(staged.read(SEALED)).map_err(&failed)?;
    let seal = text.as_ref().and_then(|bytes| serde_json::from_slice::<Seal>(bytes).ok());
    let sealed = seal.as_ref().map(|seal| seal.manifest);
    let displaced = seal.as_ref().and_then(|seal| seal.superseded.as_ref());
    if sealed.is_some() && manifest_digest(root, id.as_str()).map_err(&failed)? == sealed {
        displaced.map_or(Ok(()), |displaced| site.clear_away(displaced))?;
        return Ok(true);
    }
    let stands = root.has(id.as_str()).map_err(&failed)?;
    let waiting = waiting(staged, id, sealed).map_err(&failed)?;
    let fits = match stands {
        true => waiting.is_none() && displaced.is_some() && may_be_replaced(root, id),
        false => true,
    };
    if let Some(seal) = &seal
        && fits
        && let Ok(version) = staged.dir(VERSION)
        && is_whole(&version, id, seal.manifest)
    {
        if !own.no_sync {
            // The interruption may have come before the flush of its data.
            version.sync_with_files().map_err(&failed)?;
        }
        site.exchange(stands)?;
        displaced.map_or(Ok(()), |displaced| site.clear_away(displaced))?;
        return Ok(true);
    }
    match waiting {
        // Without a seal all was done before: the seal is the first to be removed, and this was about to be.
        Some(_) if stands && text.is_none() => {}
        // Somebody has put something else in the element's place, or changed the new version there since.
        Some(_) if stands => {
            let when = Time::now().to_compact();
            let unknown = Displaced { fate: Fate::History, when, damaged: Vec::new() };
            site.clear_away(displaced.unwrap_or(&unknown))?;
        }
        Some(place) => staged.rename_new(place, root, id.as_str()).map_err(failed)?,
        None => {}
    }
    Ok(false)
}

/// Where in `staged` a superseded folder waits, if one does: as `old`, or after an exchange as `version`, where it is
/// known by holding another manifest than the sealed one.
fn waiting(staged: &Dir, id: &ElementId, sealed: Option<Digest>) -> io::Result<Option<&'static str>> {
    if staged.has(OLD)? {
        return Ok(Some(OLD));
    }
    let Some(sealed) = sealed else { return Ok(None) };
    let bytes = if_there(staged.read(&format!("{VERSION}/{MANIFEST}")))?;
    let is_other = bytes.is_some_and(|bytes| Digest::of(&bytes) != sealed && Manifest::parse(&bytes, id).is_ok());
    Ok(is_other.then_some(VERSION))
}

/// Whether what stands in the place of `id` is still a folder that belongs to it. If it is not, a run says what is
/// wrong when it comes to that element.
fn may_be_replaced(root: &Dir, id: &ElementId) -> bool {
    let Ok(dir) = root.dir(id.as_str()) else { return false };
    let manifest = dir.read(MANIFEST).map(|bytes| Manifest::parse(&bytes, id));
    !matches!(manifest, Ok(Err(InvalidManifest::Newer(_) | InvalidManifest::OtherElement(_))))
}

/// The digest of the manifest in the folder `name`, where there is one.
pub(super) fn manifest_digest(root: &Dir, name: &str) -> io::Result<Option<Digest>> {
    match root.dir(name) {
        Err(error) if standing::is_no_folder(&error) => Ok(None),
        dir => match if_there(dir)? {
            Some(dir) => Ok(if_there(dir.read(MANIFEST)).unwrap_or(None).map(|bytes| Digest::of(&bytes))),
            None => Ok(None),
        },
    }
}

fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Whether a staged version is the sealed one and every file of it has its bytes.
fn is_whole(version: &Dir, id: &ElementId, digest: Digest) -> bool {
    let Ok(bytes) = version.read(MANIFEST) else { return false };
    let Ok(manifest) = Manifest::parse(&bytes, id) else { return false };
    let holds = |file: OwnFile<'_>| standing::hash(version, file.name, None).is_ok_and(|found| found == file.sha256);
    let files_hold = manifest.own_files().all(holds);
    let sums_hold = version.read(SUMS).is_ok_and(|sums| sums == manifest.sums(digest).as_bytes());
    Digest::of(&bytes) == digest && files_hold && sums_hold
}

/// Flushes what a recovery moved, and the version that stands now, before the seal is removed.
fn flush(Site { root, own, staged, id }: Site<'_>) -> io::Result<()> {
    if let Ok(standing) = root.dir(id.as_str()) {
        standing.sync_with_files()?;
    }
    flush::sync_shelves(own, id.as_str())?;
    [root, &own.history, &own.own, staged].into_iter().try_for_each(Dir::sync)
}

#[cfg(test)]
mod tests;
