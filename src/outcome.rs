//! What became of an element, and what became of a run: a failure of one element is data.

mod summary;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::manifest::{Manifest, Warning};
use crate::time::Time;
pub use summary::{End, FailureGroup, Pruned, Summary};

/// What a run did about an element, or a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Its first version was committed.
    Created,
    /// A new version took the place of the one that stood.
    Updated,
    /// What stands is what the API has.
    Unchanged,
    /// The API does not know it any more; what the mirror holds stays.
    Gone,
    /// Mirrored, but for assets that could not be had.
    Incomplete,
    /// Nothing was committed; what stood before still stands.
    Failed,
    /// A dry run would create it.
    WouldCreate,
    /// A dry run would update it.
    WouldUpdate,
    /// Verified: every file is as its manifest says.
    Ok,
    /// Damage was found, and made good.
    Repaired,
    /// Files are not as the manifest says.
    Damaged,
    /// A list names it, and it is not there.
    Missing,
    /// There are files of it, and no manifest.
    MissingManifest,
}

impl Status {
    /// The status as a report writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Gone => "gone",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::WouldCreate => "would_create",
            Self::WouldUpdate => "would_update",
            Self::Ok => "ok",
            Self::Repaired => "repaired",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::MissingManifest => "missing_manifest",
        }
    }

    /// Whether nothing more is to be done about it, so that a run that goes on after another may leave it out.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Unchanged | Self::Gone | Self::Ok | Self::Repaired)
    }

    /// Whether a person has something to do about it.
    pub fn is_flawed(self) -> bool {
        matches!(self, Self::Incomplete | Self::Failed | Self::Damaged | Self::Missing | Self::MissingManifest)
    }
}

/// What the mirror holds of an element, when the run has done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stands {
    /// A version with every asset that the API named.
    Complete,
    /// A version that lacks some of them.
    Incomplete,
    /// Nothing.
    None,
}

/// The version of a report line's shape.
pub const SCHEMA: u32 = 1;

/// What became of one element, or of one line that is no ID: a line of the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElementOutcome {
    /// The version of this shape, 1.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// The ID; none for a line that is no ID, and for an account's list, or a page or an item of it, that can't be had.
    pub id: Option<ElementId>,
    /// The account, where a list named one, or it is the account's own list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where it stands, if it has no ID: `ids.txt:17`, `list a@b.c page 3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was done.
    pub status: Status,
    /// What the mirror holds now.
    pub stands: Stands,
    /// The element's folder, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// How many assets the version that stands holds (in a dry run: would hold).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<usize>,
    /// How many assets were downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<u64>,
    /// How many bytes were downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many requests it took, to the API and for its assets.
    pub attempts: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// When the API says that the element was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Time>,
    /// Since when the API has not known it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Time>,
    /// What looks odd about its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why it failed; of an incomplete element, why the first of its missing assets could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Whether it counts as a success all the same: it lacks what it lacked before, and that is accepted.
    #[serde(skip)]
    pub accepted: bool,
}

impl ElementOutcome {
    /// An outcome of `id` with nothing else known yet.
    pub fn new(id: Option<ElementId>, status: Status) -> Self {
        Self {
            schema: SCHEMA,
            id,
            email: None,
            source: None,
            status,
            stands: Stands::None,
            folder: None,
            assets: None,
            downloaded: None,
            bytes: None,
            attempts: 0,
            elapsed_ms: 0,
            update_time: None,
            gone_since: None,
            warnings: Vec::new(),
            error: None,
            accepted: false,
        }
    }

    /// The outcome of `id`, whose version `manifest` describes; nothing was downloaded.
    pub(crate) fn holding(id: &ElementId, manifest: &Manifest, status: Status) -> Self {
        Self {
            stands: if manifest.is_complete() { Stands::Complete } else { Stands::Incomplete },
            folder: Some(id.to_string()),
            assets: Some(manifest.assets.len()),
            downloaded: Some(0),
            bytes: Some(0),
            update_time: manifest.element.update_time,
            warnings: manifest.warnings.clone(),
            ..Self::new(Some(id.clone()), status)
        }
    }

    /// The outcome of an input line that is no ID.
    pub fn bad_line(source: String, message: String) -> Self {
        Self {
            source: Some(source),
            error: Some(Failure::new(ErrorKind::BadLine, message)),
            ..Self::new(None, Status::Failed)
        }
    }

    /// The outcome of an account's list, or a page of it, that can't be had: `source` says which.
    pub fn unlisted(source: String, email: String, failure: Failure) -> Self {
        Self { source: Some(source), email: Some(email), error: Some(failure), ..Self::new(None, Status::Failed) }
    }

    /// The same, failed: downloads do not count then, and nothing is accepted.
    #[must_use]
    pub(crate) fn with_failure(self, failure: Failure) -> Self {
        Self { status: Status::Failed, error: Some(failure), downloaded: None, bytes: None, accepted: false, ..self }
    }

    /// Whether a person has something to do about it.
    pub fn is_flawed(&self) -> bool {
        self.status.is_flawed() && !self.accepted
    }

    /// What a person knows it by: its ID, or its source.
    pub fn name(&self) -> &str {
        self.id.as_ref().map(ElementId::as_str).or(self.source.as_deref()).unwrap_or("?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_name() {
        let schema = schemars::schema_for!(Status).to_value();
        let names: Vec<_> = schema["oneOf"].as_array().unwrap().iter().map(|choice| &choice["const"]).collect();
        for &name in &names {
            let status: Status = serde_json::from_value(name.clone()).unwrap();
            assert_eq!(status.as_str(), name);
        }
        assert_eq!(names.len(), 13);
    }
}
