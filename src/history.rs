//! The past of a mirror: which versions were superseded, and why.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::element::ElementId;
use crate::error::{Failure, RunError};
use crate::ids::{Entry, Line};
use crate::keep;
use crate::layout::{HISTORY, MANIFEST, OWN};
use crate::manifest::Manifest;
use crate::store::Store;
use crate::store::past::SupersededVersion;
use crate::time::Time;

/// A superseded version.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Superseded {
    /// Its element.
    pub id: ElementId,
    /// Its folder's name.
    pub when: String,
    /// When it was made; of a damaged one, what its folder's name says.
    pub committed_at: Time,
    /// When the next one took its place, where there is a next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_at: Option<Time>,
    /// In what it differs from the next one, a few words for each [difference](crate::manifest::Difference); or what is
    /// wrong with it.
    pub why: Vec<String>,
    /// Whether its manifest can't be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// How many files it has, but for `manifest.json` and `SHA256SUMS`; of a damaged one, all that are there.
    pub files: u64,
    /// How many bytes are in those files.
    pub size: u64,
    /// Its folder: a path that begins with the mirror's path as that was given, or with its URL.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
}

/// One thing to tell of a mirror's past.
#[derive(Debug)]
pub enum Item {
    /// A superseded version.
    Version(Box<Superseded>),
    /// Something that could not be told: of an element, or of a line that is no ID.
    Failed {
        /// The element, or the line.
        what: String,
        /// In words.
        message: String,
    },
    /// The rest of the list of elements can't be read.
    Broken(RunError),
}

/// The superseded versions of the elements that `lines` name, element by element, and for each in the order in which
/// they stood. An element that the mirror does not know is told as [`Item::Failed`]. The iterator blocks.
pub fn history(store: impl Store, lines: impl Iterator<Item = Line>) -> impl Iterator<Item = Item> {
    items(store, lines, true)
}

/// The superseded versions of every element, in the order of their IDs. It blocks, and so does the iterator.
///
/// # Errors
/// The elements can't be listed.
pub fn whole_history(store: impl Store) -> Result<impl Iterator<Item = Item>, RunError> {
    let elements = store.elements_with_history()?.into_iter();
    let lines = elements.map(|id| Line::Entry(Entry { id, email: None }));
    Ok(items(store, lines, false))
}

/// What there is to tell of the elements of `lines`. Where a user named them (`are_named`), one that has no past and
/// does not stand is told, too.
fn items(store: impl Store, lines: impl Iterator<Item = Line>, are_named: bool) -> impl Iterator<Item = Item> {
    lines.flat_map(move |line| match line {
        Line::Entry(entry) => match of(&store, &entry.id) {
            Ok(Some(versions)) => versions.into_iter().map(|version| Item::Version(Box::new(version))).collect(),
            Ok(None) if !are_named => Vec::new(),
            Ok(None) => {
                vec![Item::Failed { what: entry.id.to_string(), message: "the mirror does not know it".into() }]
            }
            Err(failure) => vec![Item::Failed { what: entry.id.to_string(), message: failure.message }],
        },
        Line::Bad { source, message } => vec![Item::Failed { what: source, message }],
        // The accounts that the lists name don't matter here.
        Line::OtherAccount { .. } => Vec::new(),
        Line::Unreadable(error) => vec![Item::Broken(error)],
    })
}

/// The superseded versions of `id`; none where the mirror neither holds it nor ever did.
fn of(store: &impl Store, id: &ElementId) -> Result<Option<Vec<Superseded>>, Failure> {
    let versions = store.history(id)?;
    let standing = store.standing_manifest(id)?;
    if versions.is_empty() && standing.is_none() {
        return Ok(None);
    }
    let past: Vec<_> = versions.iter().map(SupersededVersion::past).collect();
    let standing_since = standing.as_ref().and_then(|found| found.as_ref().ok()).map(|manifest| manifest.committed_at);
    let superseded_at = keep::superseded_at(&past, standing_since);
    let successors = versions.iter().skip(1).map(|next| Some(&next.manifest)).chain([standing.as_ref()]);
    let described = versions.iter().zip(successors).zip(superseded_at).map(|((version, successor), superseded_at)| {
        let (files, size) = match &version.manifest {
            Ok(manifest) => (manifest.own_files().count() as u64, manifest.size()),
            Err(_) => store.measure(version)?,
        };
        Ok(Superseded {
            id: id.clone(),
            when: version.when.clone(),
            committed_at: version.committed_at(),
            superseded_at,
            why: why(&version.manifest, successor),
            damaged: version.manifest.is_err(),
            files,
            size,
            path: store.location().join(OWN).join(HISTORY).join(id.as_str()).join(&version.when),
        })
    });
    described.collect::<Result<_, _>>().map(Some)
}

fn why(version: &Result<Manifest, String>, successor: Option<&Result<Manifest, String>>) -> Vec<String> {
    match (version, successor) {
        (Err(damage), _) => vec![format!("{MANIFEST} {damage}")],
        (Ok(_), None) => vec!["nothing stands".to_owned()],
        (Ok(_), Some(Err(_))) => vec!["the next version is damaged".to_owned()],
        (Ok(version), Some(Ok(successor))) => match &version.differences(successor)[..] {
            [] => vec!["nothing differs".to_owned()],
            differences => differences.iter().map(ToString::to_string).collect(),
        },
    }
}

/// A path as JSON can hold it.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_version_that_came_again_it_is_said_that_nothing_differs() {
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "format": 1, "generator": "test", "committedAt": "2026-11-23T08:00:00Z", "element": {"id": "u_1"},
            "response": {"file": "element.json", "size": 2, "sha256": crate::digest::Digest::of(b"{}")},
            "assets": [], "missing": [],
        }))
        .unwrap();
        assert_eq!(why(&Ok(manifest.clone()), Some(&Ok(manifest))), ["nothing differs"]);
    }
}
