//! `element-mirror prune`.

use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::outcome::Summary;
use element_mirror::store::{Opened, Store};
use element_mirror::{BucketStore, LocalStore, Prune, Stop};

use crate::cli::{Destination, PruneArgs};
use crate::session::{Audience, Session};

/// Removes the superseded versions that are not to be kept.
pub(crate) fn prune(args: &PruneArgs) -> Result<Summary, RunError> {
    match &args.destination {
        Destination::Folder(path) => {
            apply(args, async |stop| LocalStore::open(path, &args.local_options(stop), args.access()).await)
        }
        Destination::Bucket(location) => {
            apply(args, async |stop| BucketStore::open(location, &args.bucket_options(stop), args.access()).await)
        }
    }
}

fn apply<S: Store>(
    args: &PruneArgs,
    open: impl AsyncFnOnce(Stop) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let options = args.options()?;
    let session = Session::start(&Arc::default())?;
    let audience = Audience {
        saying: &args.saying.without_progress(),
        report: None,
        destination: Some(&args.destination.shown()),
        is_dry_run: false,
        leaving_out: Vec::new(),
    };
    session.conduct(&audience, open, |opened, events, stop| async move {
        Ok(Prune::new(opened, options, events, stop).run().await)
    })
}
