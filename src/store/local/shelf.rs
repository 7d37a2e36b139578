//! The shelves: `history/<id>/` and `damaged/<id>/`, where what is superseded or damaged is kept.

use std::io;

use super::Own;
use super::dir::Dir;
use crate::element::ElementId;
use crate::time::Time;

/// A shelf of the program's own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Superseded versions, whole.
    History,
    /// What was found edited or damaged.
    Damaged,
}

impl Shelf {
    fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Damaged => "damaged",
        }
    }

    /// The shelf's folder of the element `id`, made where it is not there.
    pub(super) fn folder(self, own: &Own, id: &ElementId) -> io::Result<Dir> {
        own.own.ensure(self.name())?.ensure(id.as_str())
    }

    /// A free name on the shelf: `base`, such as `20261123T080000Z`, or with `-2`, `-3`… where that is taken.
    pub(super) fn free_name(self, own: &Own, id: &ElementId, base: &str) -> io::Result<String> {
        let shelf = format!("{}/{id}", self.name());
        let mut name = base.to_owned();
        let mut number = 1;
        while own.own.has(&format!("{shelf}/{name}"))? {
            number += 1;
            name = format!("{base}-{number}");
        }
        Ok(name)
    }
}

/// A second name under `damaged/<id>/<when>/` for each of `files` in `dir`. A folder in a file's place has to wait: it can
/// only be moved.
pub(super) fn put_aside(own: &Own, id: &ElementId, dir: &Dir, files: &[impl AsRef<str>]) -> io::Result<()> {
    let mut damaged = Vec::new();
    for file in files.iter().map(AsRef::as_ref) {
        match dir.entry(file) {
            Ok(entry) if entry.is_dir => {}
            Ok(_) => damaged.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if damaged.is_empty() {
        return Ok(());
    }
    aside(own, id, |aside| damaged.into_iter().try_for_each(|file| dir.share(file, aside, file)))
}

/// Fills a new folder under `damaged/<id>/`. Damage is rare: it is flushed there and then.
pub(super) fn aside(own: &Own, id: &ElementId, fill: impl FnOnce(&Dir) -> io::Result<()>) -> io::Result<()> {
    let folder = Shelf::Damaged.folder(own, id)?;
    let aside = folder.make(&Shelf::Damaged.free_name(own, id, &Time::now().to_compact())?)?;
    fill(&aside)?;
    if own.no_sync {
        return Ok(());
    }
    aside.sync_with_files()?;
    [&folder, &own.own.dir("damaged")?, &own.own].into_iter().try_for_each(Dir::sync)
}
