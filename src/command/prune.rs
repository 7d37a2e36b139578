//! `element-mirror prune`.

use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::outcome::Summary;
use element_mirror::prune::Prune;
use element_mirror::stop::Stop;
use element_mirror::store::Opened;
use element_mirror::store::local::LocalStore;

use crate::cli::PruneArgs;
use crate::session::{Audience, Session, tell_recovered};

/// Removes the superseded versions that are not to be kept.
pub(crate) fn prune(args: &PruneArgs) -> Result<Summary, RunError> {
    let keep = args.keep()?;
    let session = Session::start(&Arc::default())?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(args, &session.stop)) else { return Ok(session.ended_early()) };
    let Opened { store, mut recovered } = opened?;
    // That is a failure of this command's own work.
    let unfinished = std::mem::take(&mut recovered.unpruned);
    let audience = Audience { saying: &args.saying.without_progress(), report: None, destination: &args.destination };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        Ok(Prune { store, keep, unfinished, dry_run: args.dry_run, events, stop }.run().await)
    })
}

/// Opens the mirror, which has to be one: to be pruned, or to look only.
async fn open(args: &PruneArgs, stop: &Stop) -> Result<Opened<LocalStore>, RunError> {
    match args.local_options(stop.token().clone()) {
        Some(options) => LocalStore::open_mirror(&args.destination, &options).await,
        None => LocalStore::open_to_read(&args.destination, stop.token().clone()),
    }
}
