//! What a destination must do. The trait can't be named outside of the crate, so that it may grow: whoever embeds the
//! library opens one of the destinations that there are, and hands it on.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Readable;
use super::commit::Committer;
use super::inspect::{Depth, Inspection};
use super::overview::Overview;
use super::past::SupersededVersion;
use super::stage::Stage;
use super::standing::{Occupant, Version};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure, RunError};
use crate::event::{Counters, Events};
use crate::keep::{Keep, Past};
use crate::layout::Naming;
use crate::time::Time;

/// A place where versions of elements are kept.
///
/// Its methods block, on files or on a server, and are for threads that may wait. [`Self::is_quick`] says whether some
/// of them may be called by the runtime's own threads all the same.
pub trait Destination: Clone + Send + Sync + 'static {
    /// What it finds a version by: an open folder, or what a bucket said of an object.
    type Handle: Send + Sync + 'static;

    /// How it names files.
    const NAMING: Naming;

    /// For how long superseded versions are kept whatever the rules say.
    const LEAST_KEPT: Option<Duration> = None;

    /// Whether these take next to no time: to look at an element, to stage a version of it, to remove its draft, and to
    /// read or remove the note that it is gone.
    fn is_quick(&self) -> bool;

    /// Where it is: a path, or a URL.
    fn location(&self) -> PathBuf;

    /// What stands in the place of `id`, held against its manifest as far as that is quick.
    ///
    /// # Errors
    /// What is there is not to be touched, or can't be read; or a version of an earlier run waits for its place.
    fn occupant(&self, id: &ElementId) -> Result<Occupant<Self::Handle>, Failure>;

    /// The names in an element's place that the program did not put there.
    ///
    /// # Errors
    /// They can't be listed.
    fn strangers(&self, occupant: &Occupant<Self::Handle>) -> Result<Vec<OsString>, Failure>;

    /// The manifest that stands for `id`, its files unchecked: `None` where nothing of ours stands, an inner error
    /// where something does, but without a manifest that can be read.
    ///
    /// # Errors
    /// It can't be read.
    fn standing_manifest(&self, id: &ElementId) -> Result<Option<Readable>, Failure>;

    /// Starts the next version of `id`.
    ///
    /// # Errors
    /// Its staging folder can't be made.
    fn stage(&self, id: &ElementId) -> Result<Stage, Failure>;

    /// Makes the `file` of a version that is `held` a file of the staged one too: `into` names the stage, and the file
    /// there.
    ///
    /// # Errors
    /// That can't be done.
    fn keep(&self, held: &Version<Self::Handle>, file: &str, into: (&Stage, &str)) -> Result<(), Failure>;

    /// Starts what commits. After `stop` is cancelled, versions that still wait are given back as interrupted.
    ///
    /// # Errors
    /// It can't be started, or the destination was opened to look only.
    fn committer(&self, events: Events, stop: CancellationToken) -> Result<Committer<Self::Handle>, RunError>;

    /// Whether an earlier run left a draft of `id`.
    fn has_draft(&self, id: &ElementId) -> bool;

    /// The draft of `id`; its files read and hashed.
    ///
    /// # Errors
    /// The run has ended meanwhile.
    fn draft(&self, id: &ElementId) -> Result<Option<Version<Self::Handle>>, Failure>;

    /// Keeps a version that is complete in its stage as the element's draft, in the place of an older one. A
    /// destination that keeps no drafts drops it.
    ///
    /// # Errors
    /// It can't be flushed or moved.
    fn keep_as_draft(&self, stage: Stage) -> Result<(), Failure>;

    /// Removes the draft of `id`: nothing in it is needed any more.
    ///
    /// # Errors
    /// It can't be removed.
    fn drop_draft(&self, id: &ElementId) -> Result<(), Failure>;

    /// Since when the API does not know `id` any more, where that was noted.
    ///
    /// # Errors
    /// The note can't be read.
    fn gone_since(&self, id: &ElementId) -> Result<Option<Time>, Failure>;

    /// Notes that the API does not know `id` any more.
    ///
    /// # Errors
    /// The note can't be written.
    fn note_gone(&self, id: &ElementId, since: Time) -> Result<(), Failure>;

    /// Forgets that `id` was gone: it is back.
    ///
    /// # Errors
    /// The note can't be removed.
    fn clear_gone(&self, id: &ElementId) -> Result<(), Failure>;

    /// The elements whose place something is in, whatever it is, and those that have superseded versions: each once, in
    /// the order of their IDs.
    ///
    /// # Errors
    /// They can't be listed.
    fn all_elements(&self) -> Result<Vec<ElementId>, RunError>;

    /// The elements that have a folder in the history, whatever is in it, in the order of their IDs.
    ///
    /// # Errors
    /// They can't be listed.
    fn elements_with_history(&self) -> Result<Vec<ElementId>, RunError>;

    /// The elements of which there may be something to prune, in the order of their IDs.
    ///
    /// # Errors
    /// They can't be listed.
    fn elements_to_prune(&self) -> Result<Vec<ElementId>, RunError> {
        self.elements_with_history()
    }

    /// The superseded versions of `id`, in the order in which they stood. What others put there is left out.
    ///
    /// # Errors
    /// They can't be read.
    fn history(&self, id: &ElementId) -> Result<Vec<SupersededVersion<Self::Handle>>, Failure>;

    /// How many files a superseded version has, and how many bytes are in them, as they are found and not as its
    /// manifest says.
    ///
    /// # Errors
    /// It can't be read.
    fn measure(&self, version: &SupersededVersion<Self::Handle>) -> Result<(u64, u64), Failure>;

    /// Removes these superseded `versions` of `id`, and calls `gone` with each as soon as it is.
    ///
    /// # Errors
    /// They can't be removed.
    fn prune(
        &self,
        id: &ElementId,
        versions: &[SupersededVersion<Self::Handle>],
        gone: impl FnMut(&SupersededVersion<Self::Handle>),
    ) -> Result<(), Failure>;

    /// Looks at the versions of `id`; bytes are counted in `counters` as they are read.
    ///
    /// # Errors
    /// What is in its place is not to be touched, or can't be read for a reason that is no damage; or the run has
    /// ended.
    fn inspect(&self, id: &ElementId, depth: Depth, counters: &Counters) -> Result<Inspection<Self::Handle>, Failure>;

    /// How many elements are inspected at a time.
    fn inspections(&self) -> usize;

    /// Gives flawed files of the versions of `id` their bytes back, where another file of the element has them.
    /// Afterwards `inspection` holds the flaws that are left.
    ///
    /// # Errors
    /// A file can't be put aside or in its place; or the run has ended.
    fn heal(&self, id: &ElementId, inspection: &mut Inspection<Self::Handle>) -> Result<(), Failure>;

    /// Writes an overview anew, in the order of the IDs, one element after the other; `leave_out` is told of each whose
    /// manifest can't be read, and why. Whoever reads the overview finds all of the old or all of the new one. It ends
    /// early, and leaves the old one, as soon as something `is_over`.
    ///
    /// # Errors
    /// It can't be written, something else has its name, or `interrupted`; then the old one stays, unless it was only
    /// the last flush that failed.
    fn write_overview<O: Overview>(
        &self,
        overview: &mut O,
        is_over: impl Fn() -> bool,
        leave_out: impl FnMut(&ElementId, String),
    ) -> Result<(), Failure>;

    /// Whether the mirror knows `id` otherwise than by what stands: by superseded versions, as gone, or as one that was
    /// moved elsewhere. Where that can't be found out, it counts as known.
    fn is_known(&self, id: &ElementId) -> bool {
        self.history(id).map_or(true, |past| !past.is_empty())
            || self.gone_since(id).map_or(true, |since| since.is_some())
            || self.leads_to(id)
    }

    /// Whether what is in the place of `id` leads to a version of it elsewhere, as a symbolic link may.
    fn leads_to(&self, _id: &ElementId) -> bool {
        false
    }

    /// The superseded versions of `id` that `keep` lets go, in the order in which they stood.
    ///
    /// # Errors
    /// The versions of `id` can't be read; or what stands is damaged, where any would go.
    fn expired(&self, id: &ElementId, keep: &Keep) -> Result<Vec<SupersededVersion<Self::Handle>>, Failure> {
        if keep.is_all() {
            return Ok(Vec::new());
        }
        let keep = Keep { within: keep.within.max(Self::LEAST_KEPT), ..*keep };
        let versions = self.history(id)?;
        if versions.is_empty() {
            return Ok(versions);
        }
        let standing = self.standing_manifest(id)?.and_then(Result::ok).map(|manifest| manifest.committed_at);
        let past: Vec<Past> = versions.iter().map(SupersededVersion::past).collect();
        let is_expired = keep.expired(&past, standing, Time::now());
        let versions = versions.into_iter().zip(is_expired);
        let expired: Vec<_> = versions.filter_map(|(version, is_expired)| is_expired.then_some(version)).collect();
        if !expired.is_empty() && self.occupant(id)?.is_damaged() {
            // One of them may have the last good bytes.
            let message =
                "what stands is damaged; nothing of its past is removed before verify --repair made that good";
            return Err(Failure::new(ErrorKind::Damaged, message));
        }
        Ok(expired)
    }
}
