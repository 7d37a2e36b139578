//! `manifest.json`: what an element's folder holds. Documented, and versioned, in `docs/format.md`.

mod difference;

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::element::{ElementId, Fields, Identity, Role, path_of};
use crate::error::ErrorKind;
use crate::layout::{self, Naming};
use crate::text::printable;
use crate::time::Time;

pub use difference::Difference;

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// One whole version of an element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Manifest {
    /// The format of the manifest and of the mirror, 1.
    #[schemars(extend("const" = FORMAT))]
    pub format: u32,
    /// The program that wrote it, with its version.
    pub generator: String,
    /// When the version was made.
    pub committed_at: Time,
    /// What the API said about the element.
    pub element: Fields,
    /// The roles that are mirrored, where that is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// The API's reply, kept as `element.json`. (A line of `index.ndjson` is a manifest without it.)
    pub response: Response,
    /// The files: cover, secondary, video, voice, other.
    pub assets: Vec<Asset>,
    /// The assets that could not be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What looks odd about files that were taken all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// The file that holds the API's reply, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Response {
    /// `element.json`, in a bucket with the first 32 digits of its SHA-256 before the extension.
    #[schemars(regex(pattern = r"^element(\.[0-9a-f]{32})?\.json$"))]
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// One file of the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Asset {
    /// Its name in the folder.
    pub file: String,
    /// What it is to the element.
    pub role: Role,
    /// Which view a secondary shows; empty for the others.
    pub slot: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What its bytes are, such as `image/jpeg`.
    pub media_type: String,
    /// The picture's own width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The picture's own height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Where it came from, without user, query and fragment.
    pub url: String,
    /// The CDN's `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The CDN's `Last-Modified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Time>,
    /// When it was downloaded; also the file's modification time.
    pub fetched_at: Time,
}

/// An asset that could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Missing {
    /// What it is to the element.
    pub role: Role,
    /// Which view a secondary shows; empty for the others.
    pub slot: String,
    /// Its link, without user, query and fragment.
    pub url: String,
    /// The failure's code, as in a report.
    #[schemars(with = "ErrorKind")]
    pub error: String,
}

/// Something odd about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Warning {
    /// The file's name.
    pub file: String,
    /// A stable code: `dimensions_differ`, `truncated_media`.
    pub code: String,
    /// The sentence.
    pub message: String,
}

impl Asset {
    /// What makes it the same asset from fetch to fetch.
    #[doc(hidden)]
    pub fn identity(&self) -> Identity<'_> {
        identity(&self.url, self.role, &self.slot)
    }

    fn own_file(&self) -> OwnFile<'_> {
        let Self { file: name, size, sha256, media_type, fetched_at, .. } = self;
        OwnFile { name, size: *size, sha256: *sha256, media_type, modified: *fetched_at }
    }

    /// Whether the CDN can be asked if the file is still current.
    pub(crate) fn has_validator(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

impl Missing {
    /// What makes it the same asset from fetch to fetch.
    pub(crate) fn identity(&self) -> Identity<'_> {
        identity(&self.url, self.role, &self.slot)
    }
}

fn identity<'a>(url: &'a str, role: Role, slot: &'a str) -> Identity<'a> {
    Identity { path: path_of(url), role, slot }
}

/// A file of a version whose digest its manifest knows: an asset, or the API's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnFile<'a> {
    /// Its name in the folder.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What its bytes are, such as `image/jpeg`.
    pub media_type: &'a str,
    /// Its modification time.
    pub modified: Time,
}

/// Why a `manifest.json` is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidManifest {
    /// It was written by a newer program.
    #[error("format {0} is newer than this program knows ({FORMAT}); use a newer element-mirror")]
    Newer(u64),
    /// It names another element.
    #[error("it belongs to the element {0}")]
    OtherElement(String),
    /// It is damaged, or edited into something that the program would not write.
    #[error("{0}")]
    Damaged(String),
}

impl InvalidManifest {
    /// The code of what fails by it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Newer(_) => ErrorKind::NewerFormat,
            Self::OtherElement(_) => ErrorKind::FolderTaken,
            Self::Damaged(_) => ErrorKind::Damaged,
        }
    }

    /// What is wrong, in words that go on from the manifest's name: "is damaged: …".
    pub(crate) fn predicate(&self) -> String {
        match self {
            Self::Damaged(why) => format!("is damaged: {why}"),
            error => format!("can't be used: {error}"),
        }
    }
}

impl Manifest {
    /// Reads the `manifest.json` of the element `id`.
    ///
    /// # Errors
    /// It is damaged, of a newer format, or about another element.
    pub fn parse(bytes: &[u8], id: &ElementId) -> Result<Self, InvalidManifest> {
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let manifest: Self = match serde_json::from_slice(bytes) {
            Ok(Self { format, .. }) if format > FORMAT => return Err(InvalidManifest::Newer(u64::from(format))),
            Ok(manifest) => manifest,
            // A newer format need not have these fields.
            Err(error) => match serde_json::from_slice(bytes) {
                Ok(Format { format }) if format > u64::from(FORMAT) => return Err(InvalidManifest::Newer(format)),
                // Made fit for a terminal: serde repeats words of the file.
                _ => return Err(InvalidManifest::Damaged(printable(&error.to_string(), 200))),
            },
        };
        if manifest.element.id != id.as_str() {
            return Err(InvalidManifest::OtherElement(printable(&manifest.element.id, 64)));
        }
        match manifest.wrong_file() {
            Some(file) => Err(InvalidManifest::Damaged(format!("it names the file {}", printable(file, 100)))),
            None => Ok(manifest),
        }
    }

    /// The name of a file that the program would not have given: not a plain file name, one that it uses itself, or one
    /// that another file has.
    fn wrong_file(&self) -> Option<&str> {
        let Response { file, sha256, .. } = &self.response;
        if [Naming::Plain, Naming::ByContent].iter().all(|naming| naming.name(layout::RESPONSE, *sha256) != *file) {
            return Some(&self.response.file);
        }
        let mut taken = HashSet::from([layout::MANIFEST, layout::SUMS].map(str::to_ascii_lowercase));
        let mut wrong = |name: &str| !layout::is_safe_name(name) || !taken.insert(name.to_ascii_lowercase());
        self.own_files().map(|file| file.name).find(|name| wrong(name))
    }

    /// The manifest as it is written: JSON in two-space indentation, ending in a line feed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // It can't fail: only a map whose keys are not strings could, and there is none.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The manifest as a line of `index.ndjson`: compact, without `response`, ending in a line feed.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        // It can't fail, as above.
        let mut manifest = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = manifest.as_object_mut() {
            fields.shift_remove("response");
        }
        let mut line = manifest.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    /// The files whose digest the manifest knows: the assets in their order, then the API's reply. (It can't know its
    /// own digest, nor that of `SHA256SUMS`, which names it.)
    pub fn own_files(&self) -> impl Iterator<Item = OwnFile<'_>> {
        let response = OwnFile {
            name: &self.response.file,
            size: self.response.size,
            sha256: self.response.sha256,
            media_type: "application/json",
            modified: self.committed_at,
        };
        self.assets.iter().map(Asset::own_file).chain([response])
    }

    /// The size in bytes of all [`own_files`](Self::own_files) together.
    pub fn size(&self) -> u64 {
        self.assets_size().saturating_add(self.response.size)
    }

    /// The size in bytes of the assets together.
    pub fn assets_size(&self) -> u64 {
        self.assets.iter().map(|asset| asset.size).fold(0, u64::saturating_add)
    }

    /// The content of `SHA256SUMS`, in GNU format: every file of the version but itself. `own` is the digest of
    /// `manifest.json`.
    pub fn sums(&self, own: Digest) -> String {
        self.sums_of_data() + &own.to_string() + "  " + layout::MANIFEST + "\n"
    }

    /// The content of `SHA256SUMS` in a bucket: the same without `manifest.json`, behind which it may lag there.
    pub(crate) fn sums_of_data(&self) -> String {
        self.own_files().fold(String::new(), |sums, file| sums + &file.sha256.to_string() + "  " + file.name + "\n")
    }

    /// Whether no wanted asset is missing.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether `other` holds the same: it says the same about the element, and has the same files, gaps and roles. When
    /// they were fetched and checked does not count, nor what the reply looked like.
    pub(crate) fn holds_same(&self, other: &Self) -> bool {
        fn files(manifest: &Manifest) -> Vec<(&str, Identity<'_>, Digest)> {
            manifest.assets.iter().map(|asset| (asset.file.as_str(), asset.identity(), asset.sha256)).collect()
        }
        self.element == other.element
            && self.roles == other.roles
            && files(self) == files(other)
            && self.misses_same(other)
    }

    /// Whether `other` misses the same assets.
    pub(crate) fn misses_same(&self, other: &Self) -> bool {
        self.missing.iter().map(Missing::identity).eq(other.missing.iter().map(Missing::identity))
    }
}

#[cfg(test)]
mod tests;
