//! The shelves in a folder: what is kept there, and how damaged files are put aside.

use std::io;

use super::Own;
use super::standing;
use crate::element::ElementId;
use crate::layout::DAMAGED;
use crate::store::dir::Dir;
pub(super) use crate::store::shelf::Shelf;
use crate::time::Time;

impl Shelf {
    /// The shelf's folder of the element `id`, made where it is not there.
    pub(super) fn ensure(self, own: &Own, id: &ElementId) -> io::Result<Dir> {
        own.own.ensure(self.name())?.ensure(id.as_str())
    }

    /// A free name on the shelf: `base`, such as `20261123T080000Z`, or with `-2`, `-3`… where that is taken.
    pub(super) fn free_name(self, own: &Own, id: &ElementId, base: &str) -> io::Result<String> {
        let shelf = format!("{}/{id}", self.name());
        let base = base.split_once('-').map_or(base, |(base, _)| base);
        let mut name = base.to_owned();
        let mut number = 1;
        while own.own.has(&format!("{shelf}/{name}"))? {
            number += 1;
            name = format!("{base}-{number}");
        }
        Ok(name)
    }
}

/// Gives each of the `damaged` files in `dir` a second name under `damaged/<id>/<when>/`, so that it may be removed;
/// those that have one already, from a commit that failed, are left at that.
///
/// Returns the files that may be removed. Not among them are those that the disk has lost, so that they can't be given
/// a name. A folder in a file's place is among them, though it can only be moved, which has to wait until its version
/// is superseded.
pub(super) fn put_aside(own: &Own, id: &ElementId, dir: &Dir, damaged: &[String]) -> io::Result<Vec<String>> {
    let (mut removable, mut files) = (Vec::new(), Vec::new());
    for file in damaged {
        match dir.entry(file) {
            Ok(entry) if entry.is_dir => removable.push(file.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => removable.push(file.clone()),
            Err(error) if standing::is_damage(&error) => {}
            entry => {
                entry?;
                files.push(file.clone());
            }
        }
    }
    if files.is_empty() {
        return Ok(removable);
    }
    let folder = Shelf::Damaged.ensure(own, id)?;
    for name in folder.list()? {
        // What can't be opened there, or is no folder, has nothing put aside.
        let Ok(earlier) = folder.dir(name) else { continue };
        let (known, unknown): (Vec<_>, _) = files.into_iter().partition(|file| is_same(dir, &earlier, file));
        if !known.is_empty() {
            // The commit that put it there failed, perhaps before it was flushed.
            flush_aside(own, &folder, &earlier)?;
        }
        removable.extend(known);
        files = unknown;
    }
    // A failure to give a file its second name may come of the file, or of the place where the name is made.
    let is_lost = |file: &str| standing::hash(dir, file, None).is_err_and(|error| standing::is_damage(&error));
    if !files.is_empty() {
        aside(own, id, |aside| {
            for file in files {
                match dir.share(&file, aside, &file) {
                    Err(error) if standing::is_damage(&error) && is_lost(&file) => {}
                    shared => shared.map(|()| removable.push(file))?,
                }
            }
            Ok(())
        })?;
    }
    Ok(removable)
}

/// Whether `file` is the same in both folders: one file with two names, or a copy where there are no links.
fn is_same(one: &Dir, other: &Dir, file: &str) -> bool {
    let (Ok(a), Ok(b)) = (one.entry(file), other.entry(file)) else { return false };
    let hash = |dir| standing::hash(dir, file, None).ok();
    let is_copy = || a.is_file && b.is_file && a.size == b.size && hash(one).is_some_and(|it| hash(other) == Some(it));
    a.inode == b.inode || is_copy()
}

/// Fills a new folder under `damaged/<id>/`. Damage is rare: it is flushed there and then.
pub(super) fn aside(own: &Own, id: &ElementId, fill: impl FnOnce(&Dir) -> io::Result<()>) -> io::Result<()> {
    let folder = Shelf::Damaged.ensure(own, id)?;
    let aside = folder.make(&Shelf::Damaged.free_name(own, id, &Time::now().to_compact())?)?;
    fill(&aside)?;
    flush_aside(own, &folder, &aside)
}

fn flush_aside(own: &Own, folder: &Dir, aside: &Dir) -> io::Result<()> {
    if own.no_sync {
        return Ok(());
    }
    aside.sync_with_files()?;
    [folder, &own.own.dir(DAMAGED)?, &own.own].into_iter().try_for_each(Dir::sync)
}
