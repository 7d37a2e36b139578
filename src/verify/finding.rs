//! What an inspection's findings come to: the outcome that is told.

use std::time::Duration;

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::ids::Entry;
use crate::layout::MANIFEST;
use crate::outcome::{ElementOutcome, Stands, Status};
use crate::store::Store;
use crate::store::inspect::{Inspected, Inspection};
use crate::store::standing::Holds;
use crate::time::millis;

/// How many files are named in one sentence.
const MOST_NAMES: usize = 10;

/// An element that was looked at.
pub(super) struct Seen<P> {
    pub(super) entry: Entry,
    /// Whether a list names it, or the mirror knows it by superseded versions, or as gone.
    pub(super) is_known: bool,
    pub(super) found: Result<Inspection<P>, Failure>,
    pub(super) elapsed: Duration,
}

impl<P> Seen<P> {
    /// The outcome; none where there is nothing of ours, and the element is not known. For an element that could not be
    /// looked at, the manifest that stands in `store` says what it holds.
    pub(super) fn outcome(&self, store: &impl Store) -> Option<ElementOutcome> {
        let id = &self.entry.id;
        let outcome = match &self.found {
            Ok(found) => of_inspection(id, found, self.is_known)?,
            Err(failure) if failure.kind == ErrorKind::NotAFolder && !self.is_known => return None,
            Err(failure) => {
                let outcome = match store.standing_manifest(id) {
                    Ok(Some(Ok(manifest))) => ElementOutcome::holding(id, &manifest, Status::Failed),
                    _ => ElementOutcome::new(Some(id.clone()), Status::Failed),
                };
                ElementOutcome { error: Some(failure.clone()), downloaded: None, bytes: None, ..outcome }
            }
        };
        let elapsed_ms = millis(self.elapsed);
        Some(ElementOutcome { email: self.entry.email.clone(), elapsed_ms, ..outcome })
    }
}

fn of_inspection<P>(id: &ElementId, found: &Inspection<P>, is_known: bool) -> Option<ElementOutcome> {
    let outcome = match found.standing.as_ref().and_then(|standing| Some((standing, standing.manifest.as_ref()?))) {
        Some((standing, manifest)) => {
            let outcome = ElementOutcome::holding(id, manifest, Status::Ok);
            let stands = if standing.flaws.is_empty() { outcome.stands } else { Stands::Incomplete };
            ElementOutcome { stands, ..outcome }
        }
        None => ElementOutcome::new(Some(id.clone()), Status::Ok),
    };
    let flaws = flaws(found);
    let (status, kind, said) = match &found.remains {
        Some(Holds::NoManifest(said)) => (Status::MissingManifest, ErrorKind::MissingManifest, Some(said.clone())),
        Some(Holds::BadManifest(said)) => (Status::Damaged, ErrorKind::Damaged, Some(said.clone())),
        Some(Holds::Strangers) | None => match (&found.standing, flaws.is_empty()) {
            (Some(_), true) => return Some(outcome),
            (Some(_), false) => (Status::Damaged, ErrorKind::Damaged, None),
            (None, _) if is_known => (Status::Missing, ErrorKind::Missing, Some("it is not in the mirror".into())),
            (None, _) => return None,
        },
    };
    let asset = match &said {
        Some(_) if status == Status::Missing => None,
        Some(_) => Some(MANIFEST.to_owned()),
        None => flaws.first().map(|(path, _)| path.clone()),
    };
    let message = said.into_iter().chain(named(&flaws)).collect::<Vec<_>>().join("; ");
    Some(ElementOutcome { status, error: Some(Failure { kind, message, asset }), ..outcome })
}

/// The flawed files, by their paths in the element's folder or from the mirror on, and what is wrong with each.
fn flaws<P>(found: &Inspection<P>) -> Vec<(String, String)> {
    let of_version = |version: &Inspected<P>| {
        let flaws = version.flaws.iter();
        flaws.map(|flaw| (format!("{}{}", version.folder, flaw.file), flaw.defect.to_string())).collect::<Vec<_>>()
    };
    found.versions().flat_map(of_version).collect()
}

fn named(flaws: &[(String, String)]) -> Option<String> {
    let mut named: Vec<String> =
        flaws.iter().take(MOST_NAMES).map(|(path, defect)| format!("{path} {defect}")).collect();
    if flaws.len() > MOST_NAMES {
        named.push(format!("and {} files more", flaws.len() - MOST_NAMES));
    }
    (!named.is_empty()).then(|| named.join("; "))
}
