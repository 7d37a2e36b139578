//! Inspection in a bucket: every object of an element's versions is held against their manifests, each read once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::bucket::Revision;
use super::history::{SupersededVersion, place_of};
use super::shelf::Shelf;
use super::standing::{self, Occupant, place};
use super::{AT_A_TIME, BucketStore};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::event::Counters;
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::{Manifest, OwnFile};
use crate::store::inspect::{self, Defect, Depth, Flaw};
use crate::store::standing::Holds;

pub(super) type Inspection = inspect::Inspection<Arc<Revision>>;
type Inspected = inspect::Inspected<Arc<Revision>>;

/// How many times an element is looked at that other runs replace or prune each time meanwhile.
const MOST_LOOKS: usize = 5;

/// What is at a name; none where nothing is. The digest is known where it was read.
type Found = Option<(u64, Option<Digest>)>;

impl BucketStore {
    /// Looks at the versions of `id`.
    pub(super) async fn look_into(
        &self,
        id: &ElementId,
        depth: Depth,
        counters: &Counters,
    ) -> Result<Inspection, Failure> {
        for _ in 1..MOST_LOOKS {
            let (inspection, manifest) = self.look_once(id, depth, counters).await?;
            let is_good = inspection.versions().all(|version| version.flaws.is_empty());
            let is_settled = is_good && inspection.remains.is_none();
            if is_settled || self.is_still_so(id, &inspection, manifest).await? {
                return Ok(inspection);
            }
        }
        Ok(self.look_once(id, depth, counters).await?.0)
    }

    /// Whether the `manifest` by which flaws were found still stands, and no flawed version was pruned meanwhile.
    async fn is_still_so(
        &self,
        id: &ElementId,
        inspection: &Inspection,
        manifest: Option<Bytes>,
    ) -> Result<bool, Failure> {
        let bucket = &self.0.bucket;
        for past in inspection.past.iter().filter(|past| !past.flaws.is_empty()) {
            let now = bucket.read(&place_of(id, past.when.as_deref().unwrap_or_default())).await?;
            if now.is_none_or(|now| now.bytes != past.place.bytes) {
                return Ok(false);
            }
        }
        Ok(bucket.read(&place(id)).await?.map(|now| now.bytes) == manifest)
    }

    /// What is found now, and the manifest by which.
    async fn look_once(
        &self,
        id: &ElementId,
        depth: Depth,
        counters: &Counters,
    ) -> Result<(Inspection, Option<Bytes>), Failure> {
        let mut inspection = Inspection::default();
        let mut manifest = None;
        match standing::find(&self.0.bucket, id).await? {
            Occupant::Nothing => inspection.remains = self.remains_without_manifest(id).await?,
            Occupant::Remains(remains) => {
                manifest = Some(remains.place.bytes.clone());
                inspection.remains = Some(remains.holds);
            }
            Occupant::Version(version) => {
                manifest = Some(version.place.bytes.clone());
                let flaws = self.lagging_sums(id, &version).await?;
                let folder = String::new();
                let (place, standing) = (version.place, version.checked.manifest);
                inspection.standing = Some(Inspected { when: None, folder, manifest: Some(standing), flaws, place });
            }
        }
        if depth.history {
            inspection.past = self.past(id).await?.into_iter().map(|past| superseded(id, past)).collect();
        }
        self.check(id, &mut inspection, (depth.quick, counters)).await?;
        Ok((inspection, manifest))
    }

    /// What is left of an element that has no manifest. Where a version once stood there is a list of checksums;
    /// objects without one were never committed.
    async fn remains_without_manifest(&self, id: &ElementId) -> Result<Option<Holds>, Failure> {
        let sums = self.0.bucket.head(&format!("{id}/{SUMS}")).await?;
        let shown = self.0.bucket.shown(&place(id));
        Ok(sums.map(|_| Holds::NoManifest(format!("{shown} is missing, though there are files of a mirror"))))
    }

    /// The flaw of checksums that lag behind the manifest. They may, so that is told only where a repair will put them
    /// anew.
    async fn lagging_sums(&self, id: &ElementId, version: &standing::Version) -> Result<Vec<Flaw>, Failure> {
        if self.0.staging.is_none() {
            return Ok(Vec::new());
        }
        let sums = self.0.bucket.read(&format!("{id}/{SUMS}")).await?;
        let defect = match sums {
            None => Defect::Missing,
            Some(sums) if sums.bytes == version.checked.manifest.sums_of_data() => return Ok(Vec::new()),
            Some(_) => Defect::Bytes,
        };
        Ok(vec![Flaw { file: SUMS.to_owned(), digest: None, defect }])
    }

    /// Fills in what is wrong with the versions.
    async fn check(
        &self,
        id: &ElementId,
        inspection: &mut Inspection,
        (quick, counters): (bool, &Counters),
    ) -> Result<(), Failure> {
        let files = inspection.versions().flat_map(|version| &version.manifest);
        let files: HashSet<String> =
            files.flat_map(|manifest| manifest.own_files().map(|file| file.name.to_owned())).collect();
        let found = match quick {
            true => self.listed(id).await?,
            false => self.read_all(id, files, counters).await?,
        };
        for version in inspection.standing.iter_mut().chain(&mut inspection.past) {
            for OwnFile { name, size, sha256, .. } in version.manifest.iter().flat_map(Manifest::own_files) {
                let defect = match found.get(name).copied().flatten() {
                    None => Defect::Missing,
                    Some((found, _)) if found != size => Defect::Size { found, expected: size },
                    Some((_, Some(other))) if other != sha256 => Defect::Bytes,
                    Some(_) => continue,
                };
                version.flaws.push(Flaw { file: name.to_owned(), digest: Some(sha256), defect });
            }
        }
        Ok(())
    }

    /// What a listing says.
    async fn listed(&self, id: &ElementId) -> Result<HashMap<String, Found>, Failure> {
        let objects = self.0.bucket.list_files(id.as_str()).await?;
        Ok(objects.into_iter().map(|(_, object)| (object.name, Some((object.size, None)))).collect())
    }

    /// What reading says.
    async fn read_all(
        &self,
        id: &ElementId,
        files: HashSet<String>,
        counters: &Counters,
    ) -> Result<HashMap<String, Found>, Failure> {
        let read = |file: String| async move {
            let took = |bytes| {
                counters.read.fetch_add(bytes, Relaxed);
            };
            let found = self.0.bucket.hash(&format!("{id}/{file}"), took).await?;
            Ok::<_, Failure>((file, found.map(|(size, digest)| (size, Some(digest)))))
        };
        let reads: Vec<_> = files.into_iter().map(read).collect();
        futures::stream::iter(reads).buffer_unordered(AT_A_TIME).try_collect().await
    }
}

/// A superseded version, its objects unchecked.
fn superseded(id: &ElementId, past: SupersededVersion) -> Inspected {
    let SupersededVersion { when, manifest, place, .. } = past;
    let (manifest, flaws, folder) = match manifest {
        Ok(manifest) => (Some(manifest), Vec::new(), String::new()),
        Err(why) => {
            let flaw = Flaw { file: MANIFEST.to_owned(), digest: None, defect: Defect::Manifest(why) };
            (None, vec![flaw], format!("{}/{when}/", Shelf::History.path(id)))
        }
    };
    Inspected { when: Some(when), folder, manifest, flaws, place }
}

#[cfg(test)]
mod tests;
