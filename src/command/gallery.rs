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
    let open = async |stop| LocalStore::open(&args.folder, &args.local_options(stop), Access::Change).await;
    let audience = Audience {
        saying: &args.saying.without_progress(),
        report: None,
        destination: Some(&args.folder),
        is_dry_run: false,
        leaving_out: Vec::new(),
    };
    session.conduct(&audience, open, |opened, events, stop| async move {
        Ok(Gallery::new(opened, events, stop).run().await)
    })
}
