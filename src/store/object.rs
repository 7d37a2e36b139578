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

use super::{Access, Opened, Recovered, dry, format};
use crate::error::{ErrorKind, Failure, RunError};
use crate::http::HttpOptions;
use crate::layout::OWN;
use crate::stop::Stop;
use bucket::{Bucket, Condition, Refused, TRIES};
use gone::Gone;
use staging::Staging;
use upload::Room;

pub use location::{InvalidLocation, Location};

/// So many requests about one element are under way at a time.
const AT_A_TIME: usize = 8;
/// What was asked of the store is waited for so long after the run's end.
const GRACE: Duration = Duration::from_secs(2);

/// How a bucket is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BucketOptions {
    /// How the network is used, as far as it is not about API and assets: timeouts, retries, how many connections are
    /// kept.
    pub http: HttpOptions,
    /// Where versions are put together; by default in the system's temporary folder.
    pub staging: Option<PathBuf>,
    /// Read every object that is to be kept.
    pub distrust: bool,
    /// Ends what takes long.
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
    /// Opens the mirror at `location`, from within the runtime. What is wrong with bucket and credentials shows here.
    ///
    /// # Errors
    /// It can't be reached, read, or written where that is wanted; or there is no mirror where there must be one; or it
    /// is of a newer format.
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
        self.0.staging.as_ref().ok_or_else(dry)
    }

    /// What comes of `work`, on a thread that may wait. After the run's end that is not waited for long.
    fn wait<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.0.runtime.block_on(within_grace(&self.0.stop, work))
    }
}

/// What comes of `work`, unless the run ends: that leaves it a little time.
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
        () = grace => Err(ended()),
    }
}

/// What comes of `work`, unless the run ends.
async fn unless_ended<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(ended()))
}

fn ended() -> Failure {
    Failure::new(ErrorKind::Interrupted, "the run has ended")
}

/// Puts the format, unless it is there. A server that puts it over another, though it is told not to, heeds no
/// conditions, and does not say so: it is found out here.
async fn settle_format(bucket: &Bucket, place: &str, is_there: bool) -> Result<(), Failure> {
    let text = || (format::text().into(), "text/plain");
    if !is_there && let Err(Refused::Otherwise(failure)) = bucket.put_once(place, text(), Condition::Absent).await {
        return Err(failure);
    }
    let mut failed = None;
    for _ in 0..TRIES {
        match bucket.put_if(place, text(), Condition::Absent).await {
            Err(Refused::Condition(_)) => return Ok(()),
            Err(Refused::Otherwise(failure)) => failed = Some(failure),
            // One that failed before may have been put all the same.
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
