//! A folder as a destination: what [`Destination`] asks for, and where in this room it is done.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::history::SupersededVersion;
use super::inspect::Inspection;
use super::standing::{self, Occupant, Version};
use super::{Inner, LocalStore, commit, draft, gone};
use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::event::{Counters, Events};
use crate::layout::Naming;
use crate::store::commit::Committer;
use crate::store::dir::Dir;
use crate::store::inspect::Depth;
use crate::store::overview::Overview;
use crate::store::stage::{Leaves, Stage};
use crate::store::{Destination, Readable, Store};
use crate::time::Time;

impl Store for LocalStore {}

impl Destination for LocalStore {
    type Handle = Arc<Dir>;

    const NAMING: Naming = Naming::Plain;

    fn is_quick(&self) -> bool {
        // Or else every file is hashed.
        !self.0.distrust
    }

    fn leads_to(&self, id: &ElementId) -> bool {
        let is_folder = |root: &Dir| root.entry(id.as_str()).is_ok_and(|entry| entry.is_dir);
        !self.0.root.as_ref().is_some_and(is_folder) && self.has_manifest_of(id)
    }

    fn location(&self) -> PathBuf {
        self.0.path.clone()
    }

    fn occupant(&self, id: &ElementId) -> Result<Occupant, Failure> {
        if let Some(failure) = self.0.stuck.get(id) {
            return Err(failure.clone());
        }
        let Inner { distrust, ref stop, .. } = *self.0;
        match &self.0.root {
            Some(root) => standing::Look { root, mend: self.0.own.is_some(), distrust, stop }.at(id),
            None => Ok(Occupant::Nothing),
        }
    }

    fn stage(&self, id: &ElementId) -> Result<Stage, Failure> {
        Stage::new(Arc::clone(&self.own()?.staging), id, self.has_draft(id))
    }

    fn gone_since(&self, id: &ElementId) -> Result<Option<Time>, Failure> {
        self.0.root.as_ref().map_or(Ok(None), |root| gone::since(root, id))
    }

    fn note_gone(&self, id: &ElementId, since: Time) -> Result<(), Failure> {
        gone::note(self.own()?, id, since)
    }

    fn clear_gone(&self, id: &ElementId) -> Result<(), Failure> {
        gone::clear(&self.own()?.gone, id)
    }

    fn draft(&self, id: &ElementId) -> Result<Option<Version>, Failure> {
        match self.has_draft(id) {
            true => draft::look(&self.own()?.staging, id, &self.0.stop),
            false => Ok(None),
        }
    }

    fn drop_draft(&self, id: &ElementId) -> Result<(), Failure> {
        if !self.has_draft(id) {
            return Ok(());
        }
        let own = self.own()?;
        let dropped = own.discard(id.as_str(), Leaves::Nothing);
        dropped.map_err(|error| Failure::io(format!("remove the draft {}", own.staging.at(id.as_str())), &error))
    }

    fn has_draft(&self, id: &ElementId) -> bool {
        self.0.drafts.contains(id)
    }

    fn strangers(&self, occupant: &Occupant) -> Result<Vec<OsString>, Failure> {
        standing::strangers_beside(occupant)
    }

    fn standing_manifest(&self, id: &ElementId) -> Result<Option<Readable>, Failure> {
        Self::standing_manifest(self, id)
    }

    fn keep(&self, held: &Version, file: &str, (stage, name): (&Stage, &str)) -> Result<(), Failure> {
        let kept = held.place.share(file, &stage.version, name);
        kept.map_err(|error| Failure::io(format!("keep {}", held.place.at(file)), &error))
    }

    fn committer(&self, events: Events, stop: CancellationToken) -> Result<Committer<Arc<Dir>>, RunError> {
        commit::start(self, events, stop)
    }

    fn keep_as_draft(&self, stage: Stage) -> Result<(), Failure> {
        draft::keep(self.own()?, &stage)
    }

    fn all_elements(&self) -> Result<Vec<ElementId>, RunError> {
        Self::all_elements(self)
    }

    fn elements_with_history(&self) -> Result<Vec<ElementId>, RunError> {
        Self::elements_with_history(self)
    }

    fn history(&self, id: &ElementId) -> Result<Vec<SupersededVersion>, Failure> {
        Self::history(self, id)
    }

    fn measure(&self, version: &SupersededVersion) -> Result<(u64, u64), Failure> {
        version.on_disk()
    }

    fn prune(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion],
        gone: impl FnMut(&SupersededVersion),
    ) -> Result<(), Failure> {
        Self::prune(self, id, versions, gone)
    }

    fn inspect(&self, id: &ElementId, depth: Depth, counters: &Counters) -> Result<Inspection, Failure> {
        self.look_into(id, depth, counters)
    }

    fn inspections(&self) -> usize {
        // What takes the time is hashing.
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    fn heal(&self, id: &ElementId, inspection: &mut Inspection) -> Result<(), Failure> {
        Self::heal(self, id, inspection)
    }

    fn write_overview<O: Overview>(
        &self,
        overview: &mut O,
        is_over: impl Fn() -> bool,
        leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure> {
        Self::write_overview(self, overview, is_over, leave_out)
    }
}
