//! What became of an element, and what became of a run: a failure of one element is data.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::manifest::{Manifest, Warning};
use crate::time::Time;

/// What a run did about an element, or a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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

    /// Whether a person has something to do about it.
    pub fn is_flawed(self) -> bool {
        matches!(self, Self::Incomplete | Self::Failed | Self::Damaged | Self::Missing | Self::MissingManifest)
    }
}

/// What the mirror holds of an element when the run has done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// A version with every asset that the API named.
    Complete,
    /// A version that lacks some.
    Incomplete,
    /// Nothing.
    None,
}

/// The version of a report line's shape.
pub const SCHEMA: u32 = 1;

/// What became of one element, or of one line that is no ID: a line of the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ElementOutcome {
    /// The version of this shape, 1.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// The ID; none for a line that is no ID.
    pub id: Option<ElementId>,
    /// The account, where the list named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where a bad line stands: `ids.txt:17`.
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
    /// How many were downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloaded: Option<u64>,
    /// How many bytes that were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many requests it took.
    pub attempts: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// When the API says that the element was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Time>,
    /// Since when the API does not know it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Time>,
    /// What looks odd about its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why it failed, or what is missing first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
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
        }
    }

    /// The outcome of `id`, whose version `manifest` describes; nothing was downloaded.
    pub fn holding(id: &ElementId, manifest: &Manifest, status: Status) -> Self {
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

    /// What a person knows it by: its ID, or where the line stands.
    pub fn name(&self) -> &str {
        self.id.as_ref().map(ElementId::as_str).or(self.source.as_deref()).unwrap_or("?")
    }
}

/// Why a run ended before its list did, or can't count as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A signal asked for it; its number.
    Signal(i32),
    /// Whoever read standard output went away.
    ReaderGone,
    /// The API refused the token or the subscription.
    Refused(String),
    /// The API needs an account named, and the token has several.
    AccountNeeded(String),
    /// The run can't go on: destination, API or report fail.
    Broken(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(_) => f.write_str("interrupted: what was committed is whole; run again to go on"),
            Self::ReaderGone => f.write_str("the reader of the report went away"),
            Self::Refused(message) | Self::AccountNeeded(message) | Self::Broken(message) => f.write_str(message),
        }
    }
}

impl End {
    /// Whether someone from outside broke the run off.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::ReaderGone)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Signal(number) => 128_u8.saturating_add(u8::try_from(*number).unwrap_or(0)),
            Self::ReaderGone => 141,
            Self::Refused(_) => 4,
            Self::AccountNeeded(_) => 2,
            Self::Broken(_) => 1,
        }
    }

    /// Where several apply, the one that comes first here gives the exit code.
    fn precedence(&self) -> u8 {
        match self {
            Self::AccountNeeded(_) => 0,
            Self::Signal(_) | Self::ReaderGone => 1,
            Self::Refused(_) => 2,
            Self::Broken(_) => 3,
        }
    }
}

/// So many names of elements that failed alike are kept.
const EXAMPLES: usize = 5;

/// The elements that failed for a reason, to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureGroup {
    /// How many elements failed so.
    pub count: u64,
    /// The names of the first ones.
    pub examples: Vec<String>,
    /// What was said about the first one.
    pub message: String,
}

/// Superseded versions that were removed, or in a dry run would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many.
    pub versions: u64,
    /// How many bytes their files have.
    pub bytes: u64,
    /// Whether they would be, and are all there.
    pub foreseen: bool,
}

impl Pruned {
    /// Counts one more, of so many bytes.
    pub fn add(&mut self, bytes: u64) {
        self.versions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts those of an element.
    pub fn extend(&mut self, other: Self) {
        self.versions += other.versions;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.foreseen |= other.foreseen;
    }
}

/// A run, folded from the outcomes of its elements.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many elements (and bad lines) ended in each status.
    pub counts: BTreeMap<Status, u64>,
    /// Elements that failed, are incomplete or damaged, by the failure's code.
    pub failures: BTreeMap<ErrorKind, FailureGroup>,
    /// How many assets were downloaded.
    pub downloaded: u64,
    /// How many bytes that were.
    pub bytes: u64,
    /// Whether what is damaged was to be made good.
    pub repair: bool,
    /// How many bytes of the mirror were read, where that is what the run was for.
    pub read: Option<u64>,
    /// Warnings about files.
    pub warnings: u64,
    /// Superseded versions that were pruned, where there are rules for that.
    pub pruned: Option<Pruned>,
    /// How many elements are newly gone, where that is so many that it looks like a mistake.
    pub suspiciously_gone: u64,
    /// Why the run ended early.
    pub ends: Vec<End>,
    /// How long the run took.
    pub elapsed: Duration,
}

impl Summary {
    /// Takes one more outcome in.
    pub fn add(&mut self, outcome: &ElementOutcome) {
        *self.counts.entry(outcome.status).or_default() += 1;
        self.downloaded += outcome.downloaded.unwrap_or(0);
        self.bytes += outcome.bytes.unwrap_or(0);
        self.warnings += outcome.warnings.len() as u64;
        if let Some(failure) = &outcome.error {
            let group = self.failures.entry(failure.kind).or_default();
            group.count += 1;
            if group.count == 1 {
                group.message.clone_from(&failure.message);
            }
            if group.examples.len() < EXAMPLES {
                group.examples.push(outcome.name().to_owned());
            }
        }
    }

    /// How many elements ended in `status`.
    pub fn count(&self, status: Status) -> u64 {
        self.counts.get(&status).copied().unwrap_or(0)
    }

    /// How many elements (and bad lines) were taken up.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The process' exit code.
    pub fn exit_code(&self) -> u8 {
        let end = self.ends.iter().min_by_key(|end| end.precedence());
        let flawed = self.suspiciously_gone > 0 || self.counts.keys().any(|status| status.is_flawed());
        end.map_or(if flawed { 3 } else { 0 }, End::exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(statuses: &[Status], ends: &[End]) -> Summary {
        let mut summary = Summary { ends: ends.to_vec(), ..Summary::default() };
        for &status in statuses {
            summary.add(&ElementOutcome::new(None, status));
        }
        summary
    }

    #[test]
    fn what_is_mirrored_verified_gone_or_planned_is_success() {
        use Status::{Created, Gone, Ok, Repaired, Unchanged, Updated, WouldCreate, WouldUpdate};
        let fine = [Created, Updated, Unchanged, Gone, WouldCreate, WouldUpdate, Ok, Repaired];
        assert_eq!(summary(&fine, &[]).exit_code(), 0);
        assert_eq!(summary(&[], &[]).exit_code(), 0);
    }

    #[test]
    fn a_failed_incomplete_damaged_or_missing_element_is_3() {
        use Status::{Damaged, Failed, Incomplete, Missing, MissingManifest};
        for flawed in [Failed, Incomplete, Damaged, Missing, MissingManifest] {
            assert_eq!(summary(&[Status::Created, flawed], &[]).exit_code(), 3, "{}", flawed.as_str());
        }
        let gone = Summary { suspiciously_gone: 6, ..summary(&[Status::Gone], &[]) };
        assert_eq!(gone.exit_code(), 3);
    }

    #[test]
    fn where_several_ends_apply_usage_comes_before_interruption_refusal_and_breakage() {
        let broken = End::Broken(String::new());
        let refused = End::Refused(String::new());
        let needed = End::AccountNeeded(String::new());
        let failed = [Status::Failed];
        assert_eq!(summary(&failed, std::slice::from_ref(&broken)).exit_code(), 1);
        assert_eq!(summary(&failed, &[broken.clone(), refused.clone()]).exit_code(), 4);
        assert_eq!(summary(&failed, &[broken.clone(), refused.clone(), End::Signal(2)]).exit_code(), 130);
        assert_eq!(summary(&failed, &[broken.clone(), End::Signal(15)]).exit_code(), 143);
        assert_eq!(summary(&failed, &[broken, End::ReaderGone]).exit_code(), 141);
        assert_eq!(summary(&failed, &[refused, End::Signal(2), needed]).exit_code(), 2);
    }

    #[test]
    fn failures_are_grouped_with_examples() {
        let mut summary = Summary::default();
        for line in 1..=3 {
            summary.add(&ElementOutcome::bad_line(format!("ids.txt:{line}"), format!("line {line}")));
        }
        let group = &summary.failures[&ErrorKind::BadLine];
        assert_eq!((group.count, group.message.as_str()), (3, "line 1"));
        assert_eq!(group.examples, ["ids.txt:1", "ids.txt:2", "ids.txt:3"]);
    }
}
