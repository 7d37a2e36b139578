//! What stands in an element's place in a bucket: its manifest decides.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};

use super::bucket::{Bucket, Revision};
use super::{AT_A_TIME, BucketStore};
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{MANIFEST, Naming, SUMS};
use crate::manifest::{InvalidManifest, Manifest, OwnFile};
use crate::plan::Checked;
use crate::store::Readable;
use crate::store::standing::{self, Holds};

pub(super) type Occupant = standing::Occupant<Arc<Revision>>;
pub(super) type Version = standing::Version<Arc<Revision>>;
type Remains = standing::Remains<Arc<Revision>>;

/// Where the manifest of `id` is.
pub(super) fn place(id: &ElementId) -> String {
    format!("{id}/{MANIFEST}")
}

/// What is in the place of `id`, by its manifest alone: one request. Files whose names don't say their bytes, as of a
/// folder's mirror that was copied here, can't be vouched for and count as damaged.
pub(super) async fn find(bucket: &Bucket, id: &ElementId) -> Result<Occupant, Failure> {
    let Some(mut revision) = bucket.read(&place(id)).await? else { return Ok(Occupant::Nothing) };
    if matches!(Manifest::parse(&revision.bytes, id), Err(InvalidManifest::Damaged(_))) {
        // It may have been damaged on its way: it is read once more.
        match bucket.read(&place(id)).await? {
            Some(again) => revision = again,
            None => return Ok(Occupant::Nothing),
        }
    }
    let revision = Arc::new(revision);
    let shown = || bucket.shown(&place(id));
    match Manifest::parse(&revision.bytes, id) {
        Ok(manifest) => {
            let unnamed = manifest.own_files().filter(|file| !Naming::ByContent.fits(file.name, file.sha256));
            let damaged = unnamed.map(|file| file.name.to_owned()).collect();
            Ok(Occupant::Version(Box::new(Version { place: revision, checked: Checked { manifest, damaged } })))
        }
        Err(InvalidManifest::Damaged(why)) => {
            let holds = Holds::BadManifest(format!("{} is damaged: {why}", shown()));
            Ok(Occupant::Remains(Remains { place: revision, holds }))
        }
        Err(error) => Err(Failure::new(error.kind(), format!("{} is not touched: {error}", shown()))),
    }
}

impl BucketStore {
    /// What is in the place of `id`, its manifest held against a listing of the objects; where nothing is trusted,
    /// every one is read instead.
    pub(super) async fn look_at(&self, id: &ElementId) -> Result<Occupant, Failure> {
        let mut occupant = find(&self.0.bucket, id).await?;
        if let Occupant::Version(version) = &mut occupant {
            let Checked { manifest, damaged } = &mut version.checked;
            let found = match self.0.distrust {
                true => self.damaged_by_reading(id, manifest).await?,
                false => {
                    let sizes = self.sizes(id).await?;
                    let found = damaged_by_sizes(manifest, &sizes);
                    if found.is_empty() && !sizes.contains_key(SUMS) && self.0.staging.is_some() {
                        self.put_lost_sums(id, manifest).await;
                    }
                    found
                }
            };
            for file in found {
                if !damaged.contains(&file) {
                    damaged.push(file);
                }
            }
        }
        Ok(occupant)
    }

    async fn damaged_by_reading(&self, id: &ElementId, manifest: &Manifest) -> Result<Vec<String>, Failure> {
        let files = manifest.own_files().map(|OwnFile { name, size, sha256, .. }| async move {
            let found = self.0.bucket.hash(&format!("{id}/{name}"), |_| ()).await?;
            Ok::<_, Failure>((found != Some((size, sha256))).then(|| name.to_owned()))
        });
        let files: Vec<_> = futures::stream::iter(files).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(files.into_iter().flatten().collect())
    }

    /// The sizes of the objects of `id`, by their names.
    async fn sizes(&self, id: &ElementId) -> Result<HashMap<String, u64>, Failure> {
        let listed = self.0.bucket.list_files(id.as_str()).await?;
        Ok(listed.into_iter().map(|(_, object)| (object.name, object.size)).collect())
    }

    /// The manifest of `id`, or what is wrong with it; none where there is none.
    pub(super) async fn read_manifest(&self, id: &ElementId) -> Result<Option<Readable>, Failure> {
        let Some(revision) = self.0.bucket.read(&place(id)).await? else { return Ok(None) };
        Ok(Some(readable(&revision, id)))
    }
}

/// The objects that are not there, or have another size. Another run may have replaced the manifest since it was read,
/// but what it names is there for a day after that.
fn damaged_by_sizes(manifest: &Manifest, sizes: &HashMap<String, u64>) -> Vec<String> {
    let is_damaged = |file: &OwnFile<'_>| sizes.get(file.name) != Some(&file.size);
    manifest.own_files().filter(is_damaged).map(|file| file.name.to_owned()).collect()
}

/// The manifest, or what is wrong with it.
pub(super) fn readable(revision: &Revision, id: &ElementId) -> Readable {
    Manifest::parse(&revision.bytes, id).map_err(|error| error.predicate())
}
