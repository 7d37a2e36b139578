//! Healing in a bucket: a flawed object gets its bytes back where another one of the element has them. What was in its
//! place is put aside first.

use super::BucketStore;
use super::inspect::Inspection;
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{Naming, SUMS};
use crate::manifest::Manifest;

impl BucketStore {
    /// Heals what can be healed of the versions of `id`; their flaws are then those that are left.
    pub(super) async fn heal_versions(&self, id: &ElementId, inspection: &mut Inspection) -> Result<(), Failure> {
        let mut healed = Vec::new();
        for version in inspection.versions() {
            for flaw in &version.flaws {
                let is_healed = match (flaw.digest, &version.manifest) {
                    _ if healed.contains(&flaw.file) => true,
                    (Some(digest), _) => self.heal_object(id, inspection, (&flaw.file, digest)).await?,
                    (None, Some(manifest)) if flaw.file == SUMS => self.put_sums(id, manifest).await.map(|()| true)?,
                    (None, _) => false,
                };
                if is_healed {
                    healed.push(flaw.file.clone());
                }
            }
        }
        for version in inspection.standing.iter_mut().chain(&mut inspection.past) {
            version.flaws.retain(|flaw| !healed.contains(&flaw.file));
        }
        Ok(())
    }

    /// Puts a copy of another object that has the bytes of `digest` in the place of `file`; false where there is none.
    async fn heal_object(
        &self,
        id: &ElementId,
        inspection: &Inspection,
        (file, digest): (&str, Digest),
    ) -> Result<bool, Failure> {
        let bucket = &self.0.bucket;
        // A plain name, as in a folder's mirror that was copied here, has other bytes in another version, and may
        // stand.
        if !Naming::ByContent.fits(file, digest) {
            return Ok(false);
        }
        let files = inspection.versions().flat_map(|version| &version.manifest).flat_map(Manifest::own_files);
        for twin in files.filter(|other| other.sha256 == digest && other.name != file) {
            let twin = format!("{id}/{}", twin.name);
            // An inspection may not have read it.
            if bucket.hash(&twin, |_| ()).await?.is_some_and(|(_, found)| found == digest) {
                self.put_aside(id, &[file]).await?;
                bucket.copy(&twin, &format!("{id}/{file}")).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
