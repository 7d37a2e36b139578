//! An element as the API describes it: its ID, the fields a manifest keeps, and its assets in their order.

mod json;
mod link;
mod page;
mod wire;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Failure;
use crate::time::Time;

pub use json::error_text;
pub(crate) use json::{no_error, object};
pub(crate) use link::{Link, path_of};
pub use page::{Listed, Page};

/// The most assets that an element may have; about six are usual.
pub const MAX_ASSETS: usize = 64;

/// An element's ID, which is also its folder's name: `[A-Za-z0-9_][A-Za-z0-9_-]{0,63}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ElementId(#[schemars(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"))] String);

impl ElementId {
    /// The ID's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no element ID.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an element ID (1 to 64 letters, digits, _ or -, not starting with -)")]
pub struct InvalidId;

impl FromStr for ElementId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let good = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(good) && !text.starts_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
    }
}

impl fmt::Display for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an asset is to its element; assets are ordered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// The picture that stands for the element.
    Cover,
    /// A further view; its slot says which.
    Secondary,
    /// A video.
    Video,
    /// A voice sample.
    Voice,
    /// A resource with a link and a `resourceKey` that is not known.
    Other,
}

impl Role {
    /// All roles, in order.
    pub const ALL: [Self; 5] = [Self::Cover, Self::Secondary, Self::Video, Self::Voice, Self::Other];

    /// The role's name, as in a manifest and in `--roles`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cover => "cover",
            Self::Secondary => "secondary",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::Other => "other",
        }
    }
}

/// The fields of an element that its manifest keeps; what is not known is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Element")]
#[non_exhaustive]
pub struct Fields {
    /// The ID that was asked for.
    #[schemars(with = "ElementId")]
    pub id: String,
    /// The name its maker gave it, with the service's random suffix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `IMAGE` or `VIDEO`, or whatever else the API says.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The owner's number at Kling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    /// The API's count of the element's versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<i64>,
    /// The API's tag objects, as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Value>>,
    /// Whether the account marked it as a favourite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub favored: Option<bool>,
    /// Whether it is one of the system's elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub official: Option<bool>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Time>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Time>,
}

/// One file of an element, as the API links it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// What it is to the element.
    pub role: Role,
    /// Which view a secondary shows (`side`); empty for the others.
    pub slot: String,
    /// The link to its bytes.
    pub link: Link,
    /// The width in pixels that the API declares.
    pub width: Option<u32>,
    /// The height in pixels that the API declares.
    pub height: Option<u32>,
}

/// What an asset is known by from fetch to fetch. Its whole link is not: links are signed anew, and hosts rotate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    /// The path of its link.
    pub path: Cow<'a, str>,
    /// Its role.
    pub role: Role,
    /// Its slot.
    pub slot: &'a str,
}

impl Asset {
    /// The asset's identity.
    pub fn identity(&self) -> Identity<'_> {
        Identity { path: self.link.path().into(), role: self.role, slot: &self.slot }
    }
}

/// An element, read from the API's reply.
#[derive(Clone, Debug)]
pub struct Element {
    /// What the manifest keeps of it.
    pub fields: Fields,
    /// Its assets, in the order of their roles; each link once.
    pub assets: Vec<Asset>,
}

impl Element {
    /// Reads the reply to a request for the element `asked`, in either of the API's shapes.
    ///
    /// # Errors
    /// `truncated` where the JSON ends early, `api_error` where the body is an error, `wrong_id` where it is about
    /// another element, `no_assets` where it links no file, `too_many_assets` where it links more than [`MAX_ASSETS`],
    /// else `bad_reply`.
    pub fn parse(body: &[u8], asked: &ElementId) -> Result<Self, Failure> {
        wire::parse(body, asked)
    }

    /// Whether the API gives it the same update time and version as `earlier`.
    pub fn is_as_current_as(&self, earlier: &Fields) -> bool {
        self.fields.update_time == earlier.update_time && self.fields.current_version == earlier.current_version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_safe_folder_name() {
        for good in ["u_123456789012345", "a", "_", "0-9", &"x".repeat(64)] {
            assert!(good.parse::<ElementId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".", "..", "a/b", "../x", "a b", "é", "a\0", "a.b", &"x".repeat(65)] {
            assert!(bad.parse::<ElementId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_role_has_one_name() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }

    #[test]
    fn an_identity_survives_new_hosts_and_signatures() {
        let asset =
            |url: &str| Asset { role: Role::Cover, slot: String::new(), link: url.into(), width: None, height: None };
        let one = asset("https://p1-kling.klingai.com/a/cover.jpg?ksSecret=1");
        let two = asset("https://p4-kling.klingai.com/a/cover.jpg?ksSecret=2#x");
        assert_eq!(one.identity(), two.identity());
        assert_ne!(one.identity(), asset("https://p1-kling.klingai.com/b/cover.jpg").identity());
    }
}
