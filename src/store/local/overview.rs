//! Overviews in a folder: `index.ndjson`, `index.html`.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};

use super::elements::listed_ids;
use super::standing::{self, Occupant};
use super::{LocalStore, Own};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure, ended};
use crate::manifest::Manifest;
use crate::store::Destination as _;
use crate::store::dir::Dir;
use crate::store::overview::{Overview, START};

impl LocalStore {
    /// See [`Destination::write_overview`](crate::store::Destination::write_overview). The overview is written in
    /// `staging/`, under a name that no element's folder has there, since IDs have no dots; recovery sweeps away what
    /// is left of it.
    pub(super) fn write_overview<O: Overview>(
        &self,
        overview: &mut O,
        is_over: impl Fn() -> bool,
        mut leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        let (root, own) = (self.root()?, self.own()?);
        let cannot = |error: io::Error| Failure::io(format!("write {}", root.at(O::NAME)), &error);
        if let Some(why) = taken::<O>(root).map_err(cannot)? {
            return Err(Failure::new(ErrorKind::Io, format!("{} {why}; it is not touched", root.at(O::NAME))));
        }
        let part = format!("{}.part", O::NAME);
        own.staging.remove_tree(&part).map_err(cannot)?;
        let written = own.staging.create(&part).and_then(|file| {
            let mut out = BufWriter::new(file);
            let check_on = || match is_over() {
                true => Err(ended()),
                false => Ok(()),
            };
            out.write_all(&overview.begin())?;
            let mut ids = listed_ids(root)?;
            ids.sort();
            for id in ids {
                check_on()?;
                match self.manifest(root, &id) {
                    Ok(Some(manifest)) => out.write_all(&overview.element(&id, &manifest))?,
                    Ok(None) => {}
                    Err(why) => leave_out(&id, why),
                }
            }
            check_on()?;
            out.write_all(&overview.end())?;
            put_in_place((root, own), (&part, out.into_inner()?), O::NAME)
        });
        if written.is_err() {
            // What can't be removed now is litter, and swept by the next run.
            let _ = own.staging.remove_file(&part);
        }
        written.map_err(cannot)
    }

    /// The manifest of `id`, none where nothing of ours is in its place; or why it can't be had.
    fn manifest(&self, root: &Dir, id: &ElementId) -> Result<Option<Manifest>, String> {
        match standing::find(root, id) {
            Ok(Occupant::Version(version)) => Ok(Some(version.checked.manifest)),
            Ok(Occupant::Remains(remains)) => remains.damage().map_or(Ok(None), |damage| Err(damage.to_owned())),
            Ok(Occupant::Nothing) => Ok(None),
            // Somebody's file whose name might be an ID.
            Err(failure) if failure.kind == ErrorKind::NotAFolder && !self.is_known(id) => Ok(None),
            Err(failure) => Err(failure.message),
        }
    }
}

/// What is in the place of the overview and may not be replaced, in words.
fn taken<O: Overview>(root: &Dir) -> io::Result<Option<&'static str>> {
    let is_file = match root.entry(O::NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        there => there?.is_file,
    };
    if !is_file {
        return Ok(Some("is a folder or a symbolic link"));
    }
    let mut start = Vec::new();
    root.file(O::NAME)?.take(START as u64).read_to_end(&mut start)?;
    Ok((!O::is_ours(&start)).then_some("was not written by this program (move it away to have one written)"))
}

fn put_in_place((root, own): (&Dir, &Own), (name, part): (&str, File), into: &str) -> io::Result<()> {
    if !own.no_sync {
        part.sync_all()?;
    }
    own.staging.rename(name, root, into)?;
    if own.no_sync { Ok(()) } else { root.sync() }
}

#[cfg(test)]
mod tests;
