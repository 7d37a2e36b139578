//! `element-mirror gallery`.

use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::outcome::Summary;
use element_mirror::store::Access;
use element_mirror::{Gallery, LocalStore};

use crate::cli::GalleryArgs;
use crate::session::{Audience, Session};

/// Writes the page of a mirror.
pub(crate) fn gallery(args: &GalleryArgs) -> Result<Summary, RunError> {
    let session = Session::start(&Arc::default())?;
    let options = args.local_options(session.stop.clone());
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(LocalStore::open(&args.folder, &options, Access::Change)) else {
        return Ok(session.ended_early());
    };
    let opened = opened?;
    let audience = Audience {
        saying: &args.saying.without_progress(),
        report: None,
        destination: Some(&args.folder),
        foresees: false,
        leaving_out: Vec::new(),
    };
    session.conduct(&audience, |events, stop| async move { Ok(Gallery::new(opened, events, stop).run().await) })
}
