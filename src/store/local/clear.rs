//! Clearing away what a new version superseded: strangers' files stay in sight, versions go to history, damage is put
//! aside.

use super::Own;
use super::commit::{Fate, OLD, Superseded};
use super::dir::Dir;
use super::stage::VERSION;
use super::standing;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::MANIFEST;
use crate::manifest::Manifest;
use crate::time::Time;

/// Steps (c) and (d): strangers' files move into the new version, the superseded folder to where it belongs. May be
/// begun again after any interruption.
pub(super) fn clear_away(
    (root, own): (&Dir, &Own),
    staged: &Dir,
    id: &ElementId,
    superseded: &Superseded,
) -> Result<(), Failure> {
    let clear_away = || {
        let place = if staged.has(OLD)? { OLD } else { VERSION };
        match staged.dir(place) {
            Ok(old) => {
                let shelf = clear(&old, &root.dir(id.as_str())?, (own, id), superseded)?;
                shelf.map_or(Ok(()), |shelf| shelve(own, (staged, place), (shelf, id), &superseded.when))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            // Somebody's link or file, that took the old folder's place just before the exchange.
            Err(error) if standing::is_no_folder(&error) => {
                shelve(own, (staged, place), ("damaged", id), &superseded.when)
            }
            Err(error) => Err(error),
        }
    };
    clear_away().map_err(|error| Failure::io(format!("clear away the superseded version of {id}"), &error))
}

/// Moves strangers' files from the superseded folder `old` to the new one, and says on which shelf `old` is to be kept,
/// if it is.
fn clear(
    old: &Dir,
    new: &Dir,
    (own, id): (&Own, &ElementId),
    superseded: &Superseded,
) -> std::io::Result<Option<&'static str>> {
    let manifest_of = |dir: &Dir| dir.read(MANIFEST).ok().and_then(|bytes| Manifest::parse(&bytes, id).ok());
    let old_manifest = manifest_of(old).filter(|_| superseded.fate != Fate::Damaged);
    let new_manifest = manifest_of(new);
    let mut left_behind = false;
    for name in standing::strangers(old, old_manifest.as_ref())? {
        match old.rename_new(&name, new, &name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => left_behind = true,
            done => done?,
        }
    }
    let Some(old_manifest) = old_manifest else {
        return Ok((!old.list()?.is_empty()).then_some("damaged"));
    };
    for file in &superseded.damaged {
        heal((old, &old_manifest), file, (new, new_manifest.as_ref()), (own, id))?;
    }
    // It is asked again whether the new version has it all: the folder may have been changed since the seal was written.
    let same = new_manifest.is_some_and(|new_manifest| old_manifest.holds_same(&new_manifest));
    // A stranger that found no place in the new version is kept with the old one.
    let is_discarded = superseded.fate == Fate::Discard && same && !left_behind;
    Ok((!is_discarded).then_some("history"))
}

/// Moves the superseded folder to `<shelf>/<id>/<when>`; where that was taken meanwhile, to a name beside it.
fn shelve(
    own: &Own,
    (staged, place): (&Dir, &str),
    (shelf, id): (&str, &ElementId),
    when: &str,
) -> std::io::Result<()> {
    let folder = own.own.ensure(shelf)?.ensure(id.as_str())?;
    match staged.rename_new(place, &folder, when) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let free = free_name(&own.own, &format!("{shelf}/{id}"), when)?;
            staged.rename_new(place, &folder, free)
        }
        done => done,
    }
}

/// Replaces a damaged file of a superseded version, put aside before, by the same bytes of the new one.
fn heal(
    (old, manifest): (&Dir, &Manifest),
    file: &str,
    (new, new_manifest): (&Dir, Option<&Manifest>),
    (own, id): (&Own, &ElementId),
) -> std::io::Result<()> {
    match old.entry(file) {
        Ok(entry) if entry.is_dir => {
            let aside = new_aside(own, id.as_str())?;
            old.rename_new(file, &aside, file)?;
            flush_aside(own, id.as_str(), &aside)?;
        }
        Ok(_) => old.remove_file(file)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let digest = manifest.own_files().find(|own| own.0 == file).map(|own| own.2);
    let whole = new_manifest.and_then(|manifest| manifest.own_files().find(|own| Some(own.2) == digest));
    let Some((whole, ..)) = whole else { return Ok(()) };
    new.share(whole, old, file)?;
    if own.no_sync { Ok(()) } else { old.sync_with_files() }
}

/// A second name under `damaged/<id>/<when>/` for each damaged file. A folder in a file's place has to wait until the
/// version is superseded: it can only be moved.
pub(super) fn put_aside(own: &Own, version: &standing::Version, id: &str) -> std::io::Result<()> {
    let mut damaged = Vec::new();
    for file in &version.standing.damaged {
        match version.dir.entry(file) {
            Ok(entry) if entry.is_dir => {}
            Ok(_) => damaged.push(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if damaged.is_empty() {
        return Ok(());
    }
    let aside = new_aside(own, id)?;
    damaged.into_iter().try_for_each(|file| version.dir.share(file, &aside, file))?;
    flush_aside(own, id, &aside)
}

/// A new folder under `damaged/<id>/`.
fn new_aside(own: &Own, id: &str) -> std::io::Result<Dir> {
    let shelf = own.own.ensure("damaged")?.ensure(id)?;
    shelf.make(&free_name(&own.own, &format!("damaged/{id}"), &Time::now().to_compact())?)
}

/// Damage is rare: what was put aside is flushed there and then.
fn flush_aside(own: &Own, id: &str, aside: &Dir) -> std::io::Result<()> {
    if own.no_sync {
        return Ok(());
    }
    aside.sync_with_files()?;
    let damaged = own.own.dir("damaged")?;
    [&damaged.dir(id)?, &damaged, &own.own].into_iter().try_for_each(Dir::sync)
}

/// A name for a folder on `shelf`: `base`, such as `20261123T080000Z`, or with `-2`, `-3`… where that is taken.
pub(super) fn free_name(own: &Dir, shelf: &str, base: &str) -> std::io::Result<String> {
    let mut name = base.to_owned();
    let mut number = 1;
    while own.has(&format!("{shelf}/{name}"))? {
        number += 1;
        name = format!("{base}-{number}");
    }
    Ok(name)
}
