//! A bucket as a destination: what [`Destination`] asks for, and where in this room it is done.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bucket::Revision;
use super::history::SupersededVersion;
use super::inspect::Inspection;
use super::prune::YOUNG;
use super::standing::{Occupant, Version};
use super::{BucketStore, commit};
use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::event::{Counters, Events};
use crate::layout::Naming;
use crate::store::commit::Committer;
use crate::store::inspect::Depth;
use crate::store::overview::Overview;
use crate::store::stage::Stage;
use crate::store::{Destination, Readable, Store};
use crate::time::Time;

/// How many elements are inspected at a time: most of the time goes into waiting.
const INSPECTIONS: usize = 16;

impl Store for BucketStore {}

impl Destination for BucketStore {
    type Handle = Arc<Revision>;

    const NAMING: Naming = Naming::ByContent;

    const LEAST_KEPT: Option<Duration> = Some(YOUNG);

    fn is_quick(&self) -> bool {
        false
    }

    fn location(&self) -> PathBuf {
        self.0.bucket.shown("").into()
    }

    fn occupant(&self, id: &ElementId) -> Result<Occupant, Failure> {
        self.wait(self.look_at(id))
    }

    fn strangers(&self, _: &Occupant) -> Result<Vec<OsString>, Failure> {
        // No stranger's object is in the way: it would need a name that holds the digest of the new one's bytes.
        Ok(Vec::new())
    }

    fn standing_manifest(&self, id: &ElementId) -> Result<Option<Readable>, Failure> {
        self.wait(self.read_manifest(id))
    }

    fn stage(&self, id: &ElementId) -> Result<Stage, Failure> {
        Stage::new(Arc::clone(&self.staging()?.dir), id, false)
    }

    fn keep(&self, _: &Version, _: &str, _: (&Stage, &str)) -> Result<(), Failure> {
        // Objects stay where they are; the new manifest names them too.
        Ok(())
    }

    fn committer(&self, events: Events, stop: CancellationToken) -> Result<Committer<Arc<Revision>>, RunError> {
        commit::start(self, events, stop)
    }

    fn has_draft(&self, _: &ElementId) -> bool {
        false
    }

    fn draft(&self, _: &ElementId) -> Result<Option<Version>, Failure> {
        Ok(None)
    }

    fn keep_as_draft(&self, _: Stage) -> Result<(), Failure> {
        // Its staging folder is removed at the end of the run.
        Ok(())
    }

    fn drop_draft(&self, _: &ElementId) -> Result<(), Failure> {
        Ok(())
    }

    fn gone_since(&self, id: &ElementId) -> Result<Option<Time>, Failure> {
        self.wait(self.0.gone.since(&self.0.bucket, id))
    }

    fn note_gone(&self, id: &ElementId, since: Time) -> Result<(), Failure> {
        self.staging()?;
        self.wait(self.0.gone.note(&self.0.bucket, id, since))
    }

    fn clear_gone(&self, id: &ElementId) -> Result<(), Failure> {
        self.staging()?;
        self.wait(self.0.gone.clear(&self.0.bucket, id))
    }

    fn all_elements(&self) -> Result<Vec<ElementId>, RunError> {
        let all = self.wait(async {
            let mut all = self.standing_elements().await?;
            all.extend(self.past_elements().await?);
            Ok(all)
        });
        let mut all = all.map_err(|failure| RunError::Broken(failure.message))?;
        all.sort();
        all.dedup();
        Ok(all)
    }

    fn elements_with_history(&self) -> Result<Vec<ElementId>, RunError> {
        self.wait(self.past_elements()).map_err(|failure| RunError::Broken(failure.message))
    }

    fn elements_to_prune(&self) -> Result<Vec<ElementId>, RunError> {
        // Of runs that were killed there may be objects that no manifest names.
        self.all_elements()
    }

    fn history(&self, id: &ElementId) -> Result<Vec<SupersededVersion>, Failure> {
        self.wait(self.past(id))
    }

    fn measure(&self, version: &SupersededVersion) -> Result<(u64, u64), Failure> {
        // Which objects it has, only its manifest could say.
        Ok((1, version.place.bytes.len() as u64))
    }

    fn prune(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion],
        gone: impl FnMut(&SupersededVersion),
    ) -> Result<(), Failure> {
        self.staging()?;
        // `gone` is called after the waiting, not within it: it may block as well.
        let mut removed = Vec::new();
        let done = self.wait(self.prune_versions(id, versions, |version| removed.push(version.when.clone())));
        versions.iter().filter(|version| removed.contains(&version.when)).for_each(gone);
        done
    }

    fn inspect(&self, id: &ElementId, depth: Depth, counters: &Counters) -> Result<Inspection, Failure> {
        self.wait(self.look_into(id, depth, counters))
    }

    fn inspections(&self) -> usize {
        INSPECTIONS
    }

    fn heal(&self, id: &ElementId, inspection: &mut Inspection) -> Result<(), Failure> {
        self.staging()?;
        self.wait(self.heal_versions(id, inspection))
    }

    fn write_overview<O: Overview>(
        &self,
        overview: &mut O,
        is_over: impl Fn() -> bool,
        leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        self.put_overview(overview, is_over, leave_out)
    }
}
