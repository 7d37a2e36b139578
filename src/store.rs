//! The destination: where versions of elements live.
//!
//! A version is put together in a folder for staging, and then committed whole: `local` does that on a file system,
//! `object` in a bucket. What either must do is `destination`'s.

pub(crate) mod commit;
#[cfg(test)]
mod contract;
mod destination;
mod dir;
mod format;
pub(crate) mod inspect;
pub mod local;
pub mod object;
pub(crate) mod overview;
pub(crate) mod past;
pub(crate) mod stage;
pub(crate) mod standing;

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::event::Events;
pub use crate::layout::{GALLERY, INDEX, MANIFEST, OWN, RESPONSE, SUMS};
use crate::manifest::Manifest;
pub(crate) use destination::Destination;

/// A manifest, or in words what is wrong with it.
pub(crate) type Readable = Result<Manifest, String>;

/// An open destination: a [`LocalStore`](local::LocalStore) or a [`BucketStore`](object::BucketStore). Cheap to clone.
///
/// It is sealed: what a destination must do may change from version to version.
pub trait Store: Destination {}

/// What a destination is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// To be written; it is made where it is not there.
    Write,
    /// To be written, where there is a mirror.
    Change,
    /// To be read, where there is a mirror. A run may be going on.
    Read,
    /// To be looked at, for a dry run: it may be that there is nothing yet.
    Look,
}

/// A destination that was opened, and what was found to be finished or odd, which whoever works on it tells.
#[non_exhaustive]
pub struct Opened<S> {
    /// The destination.
    pub store: S,
    /// What an earlier run had left.
    pub recovered: Recovered,
}

/// What an earlier run had left half done, and what became of it. Nothing in a bucket: what was not committed there is
/// unused.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Elements whose sealed version an earlier run could not finish, and this one did.
    pub finished: Vec<ElementId>,
    /// Elements whose sealed version can't be finished; it stays where it is.
    pub stuck: Vec<(ElementId, Failure)>,
    /// Elements of which a superseded version that was being pruned can't be removed; it is out of sight.
    pub unpruned: Vec<(ElementId, Failure)>,
}

impl Recovered {
    /// Tells what became of it.
    pub(crate) async fn tell(self, events: &Events) {
        for id in self.finished {
            events.warn(id, "the version that an interrupted run had ready was put in its place").await;
        }
        for (id, failure) in self.unpruned {
            let message = format!("a version of it that is not to be kept can't be removed: {failure}");
            events.warn(id, message).await;
        }
        for (id, failure) in self.stuck {
            let message = format!("the version that an interrupted run had ready can't be put in its place: {failure}");
            events.warn(id, message).await;
        }
    }
}

/// The failure of a destination that was opened to look only.
fn dry() -> Failure {
    Failure::new(ErrorKind::Io, "a dry run writes nothing")
}
