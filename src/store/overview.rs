//! Overviews: files beside the elements' folders that tell of all elements. Each is written anew, one element after the
//! other, and replaced whole.

use super::Destination;
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::event::Events;
use crate::layout::INDEX;
use crate::manifest::Manifest;
use crate::outcome::End;
use crate::stop::Stop;

/// How many first bytes of a file that has an overview's name are read, to see whether it is one.
pub(super) const START: usize = 1024;

/// A file that tells of every element that stands, while it is being written: it is asked for its parts, in their
/// order.
pub trait Overview {
    /// Its name, beside the elements' folders.
    const NAME: &'static str;
    /// What its bytes are.
    const MEDIA_TYPE: &'static str;

    /// Whether a file of its name that starts so is an earlier one of its kind. Nothing else is replaced.
    fn is_ours(_start: &[u8]) -> bool {
        true
    }

    /// What comes first.
    fn begin(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// What it says of `id`, of which `manifest` stands.
    fn element(&mut self, id: &ElementId, manifest: &Manifest) -> Vec<u8>;

    /// What comes last.
    fn end(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// `index.ndjson`: a manifest a line, so that a reader need not open each folder.
pub(crate) struct Index;

impl Overview for Index {
    const NAME: &'static str = INDEX;
    const MEDIA_TYPE: &'static str = "application/x-ndjson";

    fn element(&mut self, _: &ElementId, manifest: &Manifest) -> Vec<u8> {
        manifest.to_line()
    }
}

/// Writes `overview`, and gives it back; warns of each element that is left out.
///
/// # Errors
/// It can't be written; or the run was interrupted (`interrupted`), and the old one stays.
pub(crate) async fn write<O>(store: &impl Destination, overview: O, events: &Events, stop: &Stop) -> Result<O, Failure>
where
    O: Overview + Send + 'static,
{
    let (store, events, stop, mut overview) = (store.clone(), events.clone(), stop.clone(), overview);
    let is_over = move || stop.ends().iter().any(End::is_interruption);
    // It reads every manifest, which no worker of the runtime should wait for.
    let written = tokio::task::spawn_blocking(move || {
        let leave_out = |id: &ElementId, why| events.warn_blocking(id, format!("left out of {}: {why}", O::NAME));
        store.write_overview(&mut overview, is_over, leave_out).map(|()| overview)
    });
    let broken = |error| Failure::new(ErrorKind::Io, format!("it broke down, please report it: {error}"));
    written.await.unwrap_or_else(|error| Err(broken(error)))
}
