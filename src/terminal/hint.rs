//! What to do about what went wrong, where its own words don't say it: hints are added here, at the edge.

use element_mirror::error::{ErrorKind, RunError};

use crate::cli::Complaint;

/// What to do about failures of a kind; `repair` says whether it is a repair that they are left by.
pub(super) fn of_kind(kind: ErrorKind, repair: bool) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Damaged | ErrorKind::MissingManifest | ErrorKind::Missing if repair => return None,
        ErrorKind::BadLine => "correct the line in the list",
        ErrorKind::NotFound => "check the ID, and the account it belongs to (--email)",
        ErrorKind::DiskFull => "free some space and run again",
        ErrorKind::Damaged | ErrorKind::MissingManifest => {
            "element-mirror verify --repair makes good what can be had again"
        }
        ErrorKind::Missing => "check the ID; element-mirror run mirrors it",
        kind if kind.is_passing() => "run again later; what is mirrored is not fetched again",
        _ => return None,
    })
}

/// Why a run could not be done, and what to do about it.
pub(crate) fn complaint(error: &RunError) -> Complaint {
    Complaint::new(error.to_string())
}
