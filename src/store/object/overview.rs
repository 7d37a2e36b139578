//! Overviews in a bucket: put in one go, so that whoever reads one finds all of the old or all of the new one.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use futures::StreamExt as _;

use super::BucketStore;
use super::bucket::Bucket;
use super::standing::{self, Occupant};
use super::upload::Upload;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::manifest::Manifest;
use crate::store::overview::Overview;

/// So many manifests are read ahead.
const AHEAD: usize = 64;

impl BucketStore {
    /// See [`Destination::write_overview`](crate::store::Destination::write_overview).
    pub(super) fn put_overview<O: Overview>(
        &self,
        overview: &mut O,
        is_over: impl Fn() -> bool,
        mut leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        let check_on = || match is_over() {
            true => Err(Failure::ended()),
            false => Ok(()),
        };
        let cannot = |error: io::Error| Failure::io(format!("stage {}", O::NAME), &error);
        let staging = self.staging()?;
        // One that was interrupted may have left its part.
        let made = staging.dir.remove_if_there(O::NAME).and_then(|()| staging.dir.create(O::NAME));
        let mut part = BufWriter::new(made.map_err(cannot)?);
        part.write_all(&overview.begin()).map_err(cannot)?;
        let ids = self.wait(self.standing_elements())?;
        let bucket = &self.0.bucket;
        let mut manifests = futures::stream::iter(ids).map(|id| manifest(bucket, id)).buffered(AHEAD);
        while let Some((id, manifest)) = self.wait(async { Ok(manifests.next().await) })? {
            check_on()?;
            match manifest {
                Ok(Some(manifest)) => part.write_all(&overview.element(&id, &manifest)).map_err(cannot)?,
                Ok(None) => {}
                // What stands is not known, and the old overview better than one without it.
                Err(failure) if failure.kind == ErrorKind::Io => return Err(failure),
                Err(failure) => leave_out(&id, failure.message),
            }
        }
        check_on()?;
        part.write_all(&overview.end()).map_err(cannot)?;
        let part: File = part.into_inner().map_err(|error| cannot(error.into_error()))?;
        let (room, stop) = (&self.0.room, &self.0.stop);
        self.wait(Upload { bucket, room, path: O::NAME, media_type: O::MEDIA_TYPE, stop }.put(&part))
    }
}

/// The manifest of `id`, none where nothing of ours is in its place; or why it can't be had.
async fn manifest(bucket: &Bucket, id: ElementId) -> (ElementId, Result<Option<Manifest>, Failure>) {
    let manifest = match standing::find(bucket, &id).await {
        Ok(Occupant::Version(version)) => Ok(Some(version.checked.manifest)),
        Ok(Occupant::Remains(remains)) => match remains.damage() {
            Some(damage) => Err(Failure::new(ErrorKind::Damaged, damage)),
            None => Ok(None),
        },
        Ok(Occupant::Nothing) => Ok(None),
        Err(failure) => Err(failure),
    };
    (id, manifest)
}

#[cfg(test)]
mod tests;
