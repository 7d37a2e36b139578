//! `element-mirror prune`.

use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::outcome::Summary;
use element_mirror::prune::Prune;
use element_mirror::store::local::LocalStore;
use element_mirror::store::object::BucketStore;
use element_mirror::store::{Opened, Store};
use tokio_util::sync::CancellationToken;

use crate::cli::{Destination, PruneArgs};
use crate::session::{Audience, Session, tell_recovered};

/// Removes the superseded versions that are not to be kept.
pub(crate) fn prune(args: &PruneArgs) -> Result<Summary, RunError> {
    match &args.destination {
        Destination::Folder(path) => {
            apply(args, async |stop| LocalStore::open_for(path, &args.local_options(stop), args.access()).await)
        }
        Destination::Bucket(location) => {
            apply(args, async |stop| BucketStore::open(location, &args.bucket_options(stop), args.access()).await)
        }
    }
}

fn apply<S: Store>(
    args: &PruneArgs,
    open: impl AsyncFnOnce(CancellationToken) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let keep = args.keep()?;
    let session = Session::start(&Arc::default())?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(session.stop.token().clone())) else { return Ok(session.ended_early()) };
    let Opened { store, mut recovered } = opened?;
    // That is a failure of this command's own work.
    let unfinished = std::mem::take(&mut recovered.unpruned);
    let audience = Audience {
        saying: &args.saying.without_progress(),
        report: None,
        destination: Some(&args.destination.shown()),
    };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        Ok(Prune { store, keep, unfinished, dry_run: args.dry_run, events, stop }.run().await)
    })
}
