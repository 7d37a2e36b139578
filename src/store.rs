//! The destination: where versions of elements live.
//!
//! A version is put together in a folder for staging, and then committed whole: `local` does that on a file system,
//! `object` in a bucket. What either must do is said by the trait in `destination`.
//!
//! Some words are used throughout. The version in an element's place *stands*, earlier ones are *superseded*: they are
//! in the element's history. Files that the program did not put there are *strangers'*. What was found damaged is put
//! *aside*, into `damaged/`, before anything takes its place. A *draft* is a version that may not replace the one that
//! stands, kept for the next run. A version is *sealed* once all that its commit will do has been written down.

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
mod shelf;
pub(crate) mod stage;
pub(crate) mod standing;

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::event::Events;
pub use crate::layout::{GALLERY, INDEX, MANIFEST, OWN, RESPONSE, SUMS};
use crate::manifest::Manifest;
pub(crate) use destination::Destination;

/// The largest file or object that is read whole, in bytes. Manifests of the largest replies have a quarter of that.
const MAX_READ: u64 = 64 << 20;

/// A manifest, or a few words about what is wrong with it, such as "is missing".
pub(crate) type Readable = Result<Manifest, String>;

/// An open destination: a [`LocalStore`](local::LocalStore) or a [`BucketStore`](object::BucketStore). Cheap to clone.
///
/// It is sealed: what a destination must do may change from version to version.
pub trait Store: Destination {}

/// What a destination is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// To write. The destination is made where it is not there yet.
    Write,
    /// To change a mirror. Where there is none, it can't be opened.
    Change,
    /// To read a mirror, without a lock: a run may be going on. Where there is none, it can't be opened.
    Read,
    /// To look at it, without a lock, as a dry run does. There may be nothing yet.
    Look,
}

/// A destination that was opened, and what was found there of an earlier run, which whoever works on it tells.
#[non_exhaustive]
pub struct Opened<S> {
    /// The destination.
    pub store: S,
    /// What an earlier run had left half done.
    pub recovered: Recovered,
}

/// What an earlier run had left half done, and what became of it. Empty for a bucket: what was not committed there has
/// no effect.
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

/// The failure of whatever would write to a destination that was not opened for that.
fn read_only() -> Failure {
    Failure::new(ErrorKind::Io, "the destination was opened to be read only")
}
