//! `index.ndjson`: the manifests of all elements that stand, one a line, so that a reader need not open each folder.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use super::dir::Dir;
use super::standing::{self, Occupant};
use super::{LocalStore, Own};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::layout::INDEX;
use crate::store::Destination as _;

/// The index in the making, in `staging/`: no ID has a dot, and recovery sweeps it away.
const PART: &str = "index.ndjson.part";

impl LocalStore {
    /// Writes the index anew, in the order of the IDs, one manifest after the other; `leave_out` is told of each element
    /// whose manifest can't be read, and why. Whoever reads the index finds all of the old or all of the new one. It ends
    /// early, and leaves the old one, as soon as something `is_over`.
    ///
    /// # Errors
    /// It can't be written, or `interrupted`; then the old one stays, unless it was only the last flush that failed.
    pub(super) fn write_index(
        &self,
        is_over: impl Fn() -> bool,
        mut leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        let (root, own) = (self.root()?, self.own()?);
        let cannot = |error: io::Error| Failure::io(format!("write {}", root.at(INDEX)), &error);
        if !may_be_replaced(root).map_err(cannot)? {
            let message = format!("{} is a folder or a symbolic link; it is not touched", root.at(INDEX));
            return Err(Failure::new(ErrorKind::Io, message));
        }
        own.staging.remove_tree(PART).map_err(cannot)?;
        let written = own.staging.create(PART).and_then(|file| {
            let mut part = BufWriter::new(file);
            let check_on = || match is_over() {
                true => Err(io::Error::new(io::ErrorKind::Interrupted, "the run has ended")),
                false => Ok(()),
            };
            for id in elements(root)? {
                check_on()?;
                match self.line(root, &id) {
                    Ok(line) => part.write_all(&line.unwrap_or_default())?,
                    Err(why) => leave_out(&id, why),
                }
            }
            check_on()?;
            put_in_place((root, own), part.into_inner()?)
        });
        if written.is_err() {
            // What can't be removed now is litter, and swept by the next run.
            let _ = own.staging.remove_file(PART);
        }
        written.map_err(cannot)
    }

    /// The line of `id`, none where nothing of ours is in its place; or why it can't be had.
    fn line(&self, root: &Dir, id: &ElementId) -> Result<Option<Vec<u8>>, String> {
        match standing::find(root, id) {
            Ok(Occupant::Version(version)) => Ok(Some(version.standing.manifest.to_line())),
            Ok(Occupant::Remains(remains)) => remains.damage().map_or(Ok(None), |damage| Err(damage.to_owned())),
            Ok(Occupant::Nothing) => Ok(None),
            // Somebody's file whose name might be an ID.
            Err(failure) if failure.kind == ErrorKind::NotAFolder && !self.is_known(id) => Ok(None),
            Err(failure) => Err(failure.message),
        }
    }
}

/// The names in the mirror that are IDs, in their order. Under the run's lock no folder is exchanged that might be missed.
fn elements(root: &Dir) -> io::Result<Vec<ElementId>> {
    let mut ids = Vec::new();
    for name in root.names()? {
        ids.extend(name?.to_str().and_then(|name| name.parse::<ElementId>().ok()));
    }
    ids.sort();
    Ok(ids)
}

fn may_be_replaced(root: &Dir) -> io::Result<bool> {
    match root.entry(INDEX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        there => Ok(there?.is_file),
    }
}

fn put_in_place((root, own): (&Dir, &Own), part: File) -> io::Result<()> {
    if !own.no_sync {
        part.sync_all()?;
    }
    own.staging.rename(PART, root, INDEX)?;
    if own.no_sync { Ok(()) } else { root.sync() }
}

#[cfg(test)]
mod tests;
