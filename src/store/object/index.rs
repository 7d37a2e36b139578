//! `index.ndjson` in a bucket: put in one go, so that whoever reads it finds all of the old or all of the new one.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use futures::StreamExt as _;

use super::bucket::Bucket;
use super::standing::{self, Occupant};
use super::upload::Upload;
use super::{BucketStore, ended};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::layout::INDEX;

/// So many manifests are read ahead.
const AHEAD: usize = 64;

impl BucketStore {
    /// Writes the index anew; see [`Destination::write_index`](crate::store::Destination::write_index).
    pub(super) fn put_index(
        &self,
        is_over: impl Fn() -> bool,
        mut leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        let check_on = || match is_over() {
            true => Err(ended()),
            false => Ok(()),
        };
        let cannot = |error: io::Error| Failure::io(format!("stage {INDEX}"), &error);
        let staging = self.staging()?;
        // One that was interrupted may have left its part.
        let made = staging.dir.remove_if_there(INDEX).and_then(|()| staging.dir.create(INDEX));
        let mut part = BufWriter::new(made.map_err(cannot)?);
        let ids = self.wait(self.standing_elements())?;
        let bucket = &self.0.bucket;
        let mut lines = futures::stream::iter(ids).map(|id| line(bucket, id)).buffered(AHEAD);
        while let Some((id, line)) = self.wait(async { Ok(lines.next().await) })? {
            check_on()?;
            match line {
                Ok(line) => part.write_all(&line.unwrap_or_default()).map_err(cannot)?,
                // What stands is not known, and the old index better than one without it.
                Err(failure) if failure.kind == ErrorKind::Io => return Err(failure),
                Err(failure) => leave_out(&id, failure.message),
            }
        }
        check_on()?;
        let part: File = part.into_inner().map_err(|error| cannot(error.into_error()))?;
        let (room, stop) = (&self.0.room, &self.0.stop);
        self.wait(Upload { bucket, room, path: INDEX, media_type: "application/x-ndjson", stop }.put(&part))
    }
}

/// The line of `id`, none where nothing of ours is in its place; or why it can't be had.
async fn line(bucket: &Bucket, id: ElementId) -> (ElementId, Result<Option<Vec<u8>>, Failure>) {
    let line = match standing::find(bucket, &id).await {
        Ok(Occupant::Version(version)) => Ok(Some(version.standing.manifest.to_line())),
        Ok(Occupant::Remains(remains)) => match remains.damage() {
            Some(damage) => Err(Failure::new(ErrorKind::Damaged, damage)),
            None => Ok(None),
        },
        Ok(Occupant::Nothing) => Ok(None),
        Err(failure) => Err(failure),
    };
    (id, line)
}

#[cfg(test)]
mod tests;
