//! A mirror in a bucket of an object store.
//!
//! There is no rename there, so wholeness comes from immutability: what lies where is documented in
//! `docs/format.md`, the order of the puts in `docs/design.md`.

#[cfg(test)]
mod bench;
mod bucket;
mod commit;
pub(super) mod connect;
mod destination;
mod elements;
#[cfg(test)]
mod faulty;
mod gone;
mod heal;
mod history;
mod inspect;
mod location;
mod overview;
mod prune;
#[cfg(test)]
mod scripted;
mod shelf;
mod staging;
mod standing;
mod upload;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Access, Opened, Recovered, format, read_only};
use crate::error::{Failure, RunError};
use crate::http::HttpOptions;
use crate::layout::OWN;
use crate::stop::Stop;
use bucket::{Body, Bucket, Condition, Refused, TRIES};
use gone::Gone;
use staging::Staging;
use upload::Room;

pub use location::{InvalidLocation, Location};

/// How many requests about one element are under way at a time.
const AT_A_TIME: usize = 8;
/// How long after the run's end the store's answers are still waited for.
const GRACE: Duration = Duration::from_secs(2);

/// How a bucket is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BucketOptions {
    /// How the network is used: the timeouts, the retries, the user agent, and as `concurrency` how many idle
    /// connections are kept. What is about the API and the assets' links has no effect here.
    pub http: HttpOptions,
    /// The folder in which versions are put together; by default the system's temporary folder.
    pub staging: Option<PathBuf>,
    /// Read and hash every object that is to be kept.
    pub distrust: bool,
    /// Ends early what takes long.
    pub stop: Stop,
}

/// A destination in a bucket. Cheap to clone.
#[derive(Clone)]
pub struct BucketStore(Arc<Inner>);

struct Inner {
    bucket: Bucket,
    /// Where its requests are made.
    runtime: Handle,
    gone: Gone,
    /// None where it was opened to read or look only.
    staging: Option<Staging>,
    room: Room,
    distrust: bool,
    stop: CancellationToken,
}

impl BucketStore {
    /// Opens the mirror at `location`. The object store is spoken to, so that whatever is wrong with the bucket or the
    /// credentials shows here.
    ///
    /// # Errors
    /// The bucket can't be reached or read (or written, where that is wanted), holds no mirror though it must, or one
    /// of a newer format.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(location: &Location, options: &BucketOptions, access: Access) -> Result<Opened<Self>, RunError> {
        let client = connect::connect(location, &options.http).await?;
        Self::open_with(client, location, options, access).await
    }

    /// The same, over a client that is there.
    pub(super) async fn open_with(
        client: Arc<dyn ObjectStore>,
        location: &Location,
        options: &BucketOptions,
        access: Access,
    ) -> Result<Opened<Self>, RunError> {
        let broken = |Failure { message, .. }| {
            let endpoint = connect::told_endpoint(location.scheme);
            RunError::Broken(format!("can't use the destination: {message}{endpoint}"))
        };
        let bucket = Bucket::new(client, location.prefix.clone(), location.to_string());
        let place = format!("{OWN}/{}", format::FILE);
        let found = bucket.read(&place).await.map_err(broken)?;
        if let Some(found) = &found {
            format::check(&found.bytes, location)?;
        }
        // That also fails where the bucket is missing, which a missing object does not tell.
        let gone = Gone::list(&bucket).await.map_err(broken)?;
        let must_exist = matches!(access, Access::Change | Access::Read);
        if must_exist && found.is_none() && !elements::is_any_there(&bucket).await.map_err(broken)? {
            return Err(RunError::Broken(format!("{location} holds no mirror: no element, and no {OWN}")));
        }
        let staging = match access {
            Access::Write | Access::Change => {
                // Whoever may not write is told before anything is fetched.
                settle_format(&bucket, &place, found.is_some()).await.map_err(broken)?;
                Some(Staging::new(options.staging.as_deref())?)
            }
            Access::Read | Access::Look => None,
        };
        let (distrust, stop) = (options.distrust, options.stop.token().clone());
        let runtime = Handle::current();
        let store = Self(Arc::new(Inner { bucket, runtime, gone, staging, room: Room::new(), distrust, stop }));
        Ok(Opened { store, recovered: Recovered::default() })
    }

    fn staging(&self) -> Result<&Staging, Failure> {
        self.0.staging.as_ref().ok_or_else(read_only)
    }

    /// Waits for `work`, on a thread that may wait, and after the run's end only a little longer.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.0.runtime.block_on(within_grace(&self.0.stop, work))
    }
}

/// What comes of `work`. When the run ends it has [`GRACE`] left; after that it is interrupted.
async fn within_grace<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let grace = async {
        stop.cancelled().await;
        let _ = timeout(GRACE, std::future::pending::<()>()).await;
    };
    tokio::select! {
        done = work => done,
        () = grace => Err(Failure::ended()),
    }
}

/// What comes of `work`. When the run ends it is interrupted at once.
async fn unless_ended<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(Failure::ended()))
}

/// Puts the format, unless it is there. Some servers don't heed the condition of a put, and don't say so. Such a one is
/// found out here: it puts the format once more though it is there.
async fn settle_format(bucket: &Bucket, place: &str, is_there: bool) -> Result<(), Failure> {
    let text = || Body::text(format::text());
    if !is_there && let Err(Refused::Otherwise(failure)) = bucket.put_once(place, text(), Condition::Absent).await {
        return Err(failure);
    }
    let mut failed = None;
    for _ in 0..TRIES {
        match bucket.put_if(place, text(), Condition::Absent).await {
            Err(Refused::Condition(_)) => return Ok(()),
            Err(Refused::Otherwise(failure)) => failed = Some(failure),
            // An earlier try failed, but may have put it for all that: then this one has not put it over another.
            Ok(()) if failed.is_some() => failed = None,
            Ok(()) => {
                bucket.distrust_conditions();
                return Ok(());
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
