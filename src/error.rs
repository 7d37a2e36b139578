//! Why something failed: a small, stable set of codes, a failure of one element, and an error of a whole run.

use std::fmt;

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Serialize, Serializer};

use crate::exit;

/// The code of a failure, `error.kind` in a report, written in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
#[schemars(description = "The code of a failure.", transform = with_statuses)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The API or the CDN answered with a status that is no success: `http_503`.
    #[schemars(skip)]
    Http(u16),
    /// No connection, or it broke before a reply, in the TLS handshake too.
    Connect,
    /// The host's name could not be resolved.
    Dns,
    /// TLS that another try will not mend: a certificate that is no good, or no trust roots.
    Tls,
    /// No connection, or no byte, for too long.
    Timeout,
    /// The connection broke, or the body ended, before all bytes were there.
    Truncated,
    /// The reply is not what the protocol says: no JSON, no element, a wrong range.
    BadReply,
    /// The API answered 200 with an `error` in the body.
    ApiError,
    /// The reply is about another element than the one asked for.
    WrongId,
    /// A reply or an asset is larger than what is taken.
    TooLarge,
    /// A redirect that is not followed: to another origin with a token, a loop, too many.
    Redirect,
    /// The account is refused as a whole; its elements are not asked for.
    AccountBroken,
    /// The API knows no such element, and the mirror does not hold it.
    NotFound,
    /// The element has no resources.
    NoAssets,
    /// The element has more resources than a mirror takes.
    TooManyAssets,
    /// The bytes are no image, video or audio.
    NotMedia,
    /// The asset's link is not https, or leads to an address that is not asked.
    UnsafeUrl,
    /// The body came compressed although that was not asked for.
    ContentEncoding,
    /// The run was interrupted.
    Interrupted,
    /// The destination is full, or a quota is reached.
    DiskFull,
    /// A file operation at the destination failed.
    Io,
    /// The element's folder can't be moved or exchanged.
    CannotReplace,
    /// Another run replaced the element's version again and again, in the same bucket.
    Conflict,
    /// The element's folder belongs to another ID.
    FolderTaken,
    /// The element's folder has a format that this program does not know.
    NewerFormat,
    /// A symbolic link or a file stands where the element's folder should be.
    NotAFolder,
    /// A line of the input is no ID.
    BadLine,
    /// Files are not as their manifest says.
    Damaged,
    /// A list names the element, and the mirror does not hold it.
    Missing,
    /// The mirror holds files of the element, and no manifest.
    MissingManifest,
}

impl ErrorKind {
    /// Whether another try of the same request may succeed.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Http(status) => matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=524),
            Self::Connect | Self::Dns | Self::Timeout | Self::Truncated => true,
            _ => false,
        }
    }

    /// Whether the API, where it says so, refuses the token or the subscription.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Http(401 | 402))
    }

    /// Whether the other side could not be reached, or was in no state to answer.
    pub(crate) fn is_unreachable(self) -> bool {
        match self {
            Self::Http(status) => status >= 500,
            kind => matches!(kind, Self::Connect | Self::Dns | Self::Tls | Self::Timeout),
        }
    }

    /// Whether the cause lies at the destination: such an asset is not `missing` upstream.
    pub fn is_local(self) -> bool {
        matches!(
            self,
            Self::DiskFull | Self::Io | Self::CannotReplace | Self::FolderTaken | Self::NewerFormat | Self::NotAFolder
        )
    }

    /// Whether the cause lies on this side altogether: at the destination, or in the run's end.
    pub(crate) fn is_on_this_side(self) -> bool {
        self.is_local() || self == Self::Interrupted
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Http(status) => return f.pad(&format!("http_{status}")),
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::BadReply => "bad_reply",
            Self::ApiError => "api_error",
            Self::WrongId => "wrong_id",
            Self::TooLarge => "too_large",
            Self::Redirect => "redirect",
            Self::AccountBroken => "account_broken",
            Self::NotFound => "not_found",
            Self::NoAssets => "no_assets",
            Self::TooManyAssets => "too_many_assets",
            Self::NotMedia => "not_media",
            Self::UnsafeUrl => "unsafe_url",
            Self::ContentEncoding => "content_encoding",
            Self::Interrupted => "interrupted",
            Self::DiskFull => "disk_full",
            Self::Io => "io",
            Self::CannotReplace => "cannot_replace",
            Self::Conflict => "conflict",
            Self::FolderTaken => "folder_taken",
            Self::NewerFormat => "newer_format",
            Self::NotAFolder => "not_a_folder",
            Self::BadLine => "bad_line",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::MissingManifest => "missing_manifest",
        })
    }
}

/// Adds the codes with an HTTP status to the schema of the codes that are a word each.
fn with_statuses(named: &mut Schema) {
    let statuses = json_schema!({
        "description": "The API or the CDN answered with this status, which is no success.",
        "type": "string",
        "pattern": "^http_[0-9]{3}$",
    });
    let description = named.remove("description");
    *named = json_schema!({ "description": description, "anyOf": [std::mem::take(named).to_value(), statuses] });
}

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a failure is about: of the same kind, each asks for something else to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The element as a whole: the API's reply, or what this machine makes of it.
    Element,
    /// One of its assets, which the CDN sends.
    Asset,
}

/// How it is said that the run has ended.
const ENDED: &str = "the run has ended";

/// What an operation on files ends with that was not done, since the run has ended.
pub(crate) fn ended() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::Interrupted, ENDED)
}

/// What failed of one element, in words a person can act on; `message` never holds a token or a link's query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Failure {
    /// The code.
    pub kind: ErrorKind,
    /// What failed, in a sentence, with the cause's own words.
    pub message: String,
    /// The file name of the asset that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
}

impl Failure {
    /// A failure of the element as a whole.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), asset: None }
    }

    /// What it is about.
    pub fn subject(&self) -> Subject {
        if self.asset.is_some() && !self.kind.is_local() { Subject::Asset } else { Subject::Element }
    }

    /// What was not done, since the run has ended.
    pub(crate) fn ended() -> Self {
        Self::new(ErrorKind::Interrupted, ENDED)
    }

    /// The failure of a file operation: `what` names the operation and the path.
    pub(crate) fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => ErrorKind::DiskFull,
            // Calls that a signal interrupts are made again; this is how the end of a run is told.
            Io::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{what}: {error}"))
    }

    /// Whether the API says that something is wrong with the account that it was asked for.
    pub(crate) fn is_about_account(&self) -> bool {
        let words = self.message.to_lowercase();
        matches!(self.kind, ErrorKind::Http(400 | 404)) && (words.contains("email") || words.contains("account"))
    }

    /// The same failure, with the words that `email` is none of the token's `accounts`, where that is so.
    #[must_use]
    pub(crate) fn of_account(self, email: &str, accounts: &[String]) -> Self {
        if accounts.is_empty() || accounts.iter().any(|account| account.eq_ignore_ascii_case(email)) {
            return self;
        }
        let message = format!("{}; the token has no account {email}, but {}", self.message, accounts.join(", "));
        Self { message, ..self }
    }

    /// The same failure, about the asset `name`.
    #[must_use]
    pub(crate) fn of_asset(mut self, name: &str) -> Self {
        self.asset = Some(name.to_owned());
        self
    }
}

/// Why a run could not be done at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The run is asked for wrongly: a usage error.
    #[error("{0}")]
    Usage(String),
    /// Another run is working on the destination.
    #[error("{0}")]
    Locked(String),
    /// The destination, an ID list or the report can't be used.
    #[error("{what}: {source}")]
    Io {
        /// The operation and the path.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else keeps it from its work.
    #[error("{0}")]
    Broken(String),
}

impl RunError {
    /// A failed file operation.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// The process' exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Locked(_) => exit::LOCKED,
            Self::Io { .. } | Self::Broken(_) => exit::BROKEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again_is_this_table() {
        let passing: Vec<u16> = (100..1000).filter(|&status| ErrorKind::Http(status).is_passing()).collect();
        assert_eq!(passing, [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);
        for kind in [ErrorKind::Connect, ErrorKind::Dns, ErrorKind::Timeout, ErrorKind::Truncated] {
            assert!(kind.is_passing(), "{kind}");
        }
        for kind in [ErrorKind::Tls, ErrorKind::BadReply, ErrorKind::DiskFull, ErrorKind::UnsafeUrl] {
            assert!(!kind.is_passing(), "{kind}");
        }
    }

    #[test]
    fn the_schema_lists_every_code_as_it_is_written() {
        let schema = schemars::schema_for!(ErrorKind).to_value();
        let codes = schema["anyOf"][0]["oneOf"].as_array().unwrap();
        for code in codes.iter().map(|choice| &choice["const"]) {
            let kind: ErrorKind = serde_json::from_value(code.clone()).unwrap();
            assert_eq!(&serde_json::to_value(kind).unwrap(), code);
        }
        assert!(codes.len() > 20, "{codes:?}");
        assert_eq!(serde_json::to_value(ErrorKind::Http(503)).unwrap(), "http_503");
    }

    #[test]
    fn a_full_disk_has_a_code_of_its_own() {
        let full = std::io::Error::from_raw_os_error(28);
        assert_eq!(Failure::io("write u_1/cover.jpg", &full).kind, ErrorKind::DiskFull);
        let failing = std::io::Error::from_raw_os_error(5);
        assert_eq!(Failure::io("write u_1/cover.jpg", &failing).kind, ErrorKind::Io);
    }
}
