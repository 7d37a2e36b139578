//! Notes about elements that the API does not know any more: `gone/<id>` holds the time since when.

use std::io;

use super::Own;
use super::dir::Dir;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::OWN;
use crate::time::Time;

/// Since when `id` is gone, where that was noted.
pub(super) fn since(root: &Dir, id: &ElementId) -> Option<Time> {
    let text = root.read(&format!("{OWN}/gone/{id}")).ok()?;
    Time::from_rfc3339(String::from_utf8_lossy(&text).trim())
}

/// Notes that `id` is gone.
pub(super) fn note(own: &Own, id: &ElementId, since: Time) -> Result<(), Failure> {
    let name = id.as_str();
    let written = own.gone.replace(name, format!("{since}\n").as_bytes(), &own.staging, !own.no_sync);
    written.map_err(|error| Failure::io(format!("note {}", own.gone.at(name)), &error))
}

/// Forgets that `id` was gone.
pub(super) fn clear(gone: &Dir, id: &ElementId) -> Result<(), Failure> {
    match gone.remove_file(id.as_str()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::io(format!("remove {}", gone.at(id.as_str())), &error))
        }
        _ => Ok(()),
    }
}
