//! `element-mirror gallery`.

use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::gallery::Gallery;
use element_mirror::outcome::Summary;
use element_mirror::store::Opened;
use element_mirror::store::local::LocalStore;

use crate::cli::GalleryArgs;
use crate::session::{Audience, Session, tell_recovered};

/// Writes the page of a mirror.
pub(crate) fn gallery(args: &GalleryArgs) -> Result<Summary, RunError> {
    let session = Session::start(&Arc::default())?;
    let options = args.local_options(session.stop.token().clone());
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(LocalStore::open_mirror(&args.folder, &options)) else {
        return Ok(session.ended_early());
    };
    let Opened { store, recovered } = opened?;
    let audience = Audience { saying: &args.saying.without_progress(), report: None, destination: &args.folder };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        Ok(Gallery { store, events, stop }.run().await)
    })
}
