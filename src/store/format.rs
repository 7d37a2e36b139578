//! The format of a mirror, a number that the file `.element-mirror/format` holds. It is that of the manifests.

use std::fmt::Display;

use crate::error::RunError;
use crate::layout::OWN;
use crate::manifest::FORMAT;

/// The name of the file.
pub(super) const FILE: &str = "format";

/// What is written there.
pub(super) fn text() -> Vec<u8> {
    format!("{FORMAT}\n").into_bytes()
}

/// Refuses the mirror `shown`, whose file `format` holds this `text`, where it is of a newer format. An empty one comes
/// of a power cut before it was flushed.
pub(super) fn check(text: &[u8], shown: &dyn Display) -> Result<(), RunError> {
    let text = String::from_utf8_lossy(text);
    match text.trim().parse::<u32>() {
        _ if text.is_empty() => Ok(()),
        Ok(format) if format <= FORMAT => Ok(()),
        Ok(format) => Err(RunError::Broken(format!(
            "{shown} has format {format}, this program knows {FORMAT}; use a newer element-mirror"
        ))),
        Err(_) => Err(RunError::Broken(format!("{shown}/{OWN}/{FILE} is damaged: it should hold {FORMAT}"))),
    }
}
