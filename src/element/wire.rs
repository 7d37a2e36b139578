//! An element in the API's JSON: in two published shapes, and that of an earlier revision of lists. Every field is
//! optional, numbers may be strings, and what is not known is passed over.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{Bounded, boolean, integer, is_too_deep, mended, no_error, object, text, word};
use super::{Asset, Element, ElementId, Fields, Link, MAX_ASSETS, Role};
use crate::error::{ErrorKind, Failure};
use crate::text::printable;
use crate::time::Time;

/// The most tags that are kept; an element has a handful.
const MAX_TAGS: usize = 1000;

/// Fields that a list shows as null: the element has no such value any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Its name.
    pub name: bool,
    /// Its type.
    pub kind: bool,
    /// Its description.
    pub description: bool,
}

/// An element as the API writes it, alone or in a list.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireElement<'a> {
    id: Value,
    error: Value,
    /// The element itself, in the earlier shape.
    #[serde(borrow)]
    element: Option<&'a RawValue>,
    #[serde(deserialize_with = "said")]
    name: Option<Value>,
    #[serde(rename = "type", deserialize_with = "said")]
    kind: Option<Value>,
    #[serde(deserialize_with = "said")]
    description: Option<Value>,
    user_id: Value,
    current_version: Value,
    favored: Value,
    official: Value,
    create_time: Value,
    update_time: Value,
    cover: Value,
    resources: Bounded<Value, MAX_ASSETS>,
    tag_list: Bounded<Value, MAX_TAGS>,
    voice: Value,
    // What an earlier revision of lists had in the place of `cover`, `resources` and `tagList`.
    cover_image: Value,
    image_resources: Bounded<Value, MAX_ASSETS>,
    tag: Value,
}

/// The value of a field that is there, also where it is null: `None` is left for one that is not.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads the reply to a request for the element `asked`.
pub(super) fn parse(body: &[u8], asked: &ElementId) -> Result<Element, Failure> {
    let body = mended(body)?;
    let mut wire: WireElement<'_> = object(&body)?;
    no_error(&wire.error)?;
    if wire.id.is_null()
        && let Some(inner) = wire.element.filter(|inner| inner.get().starts_with('{'))
    {
        wire = object(inner.get())?;
    }
    if let Some(other) = wire.id().filter(|id| id != asked.as_str()) {
        let other = printable(&other, 64);
        return Err(Failure::new(ErrorKind::WrongId, format!("asked for {asked}, the reply is about {other}")));
    }
    let too_many =
        || Failure::new(ErrorKind::TooManyAssets, format!("the element has more than {MAX_ASSETS} resources"));
    let assets = wire.assets().ok_or_else(too_many)?;
    if assets.is_empty() {
        return Err(Failure::new(ErrorKind::NoAssets, "the API names no resource of this element"));
    }
    Ok(Element { fields: wire.into_fields(asked), assets })
}

impl WireElement<'_> {
    /// The ID that it names.
    pub(super) fn id(&self) -> Option<String> {
        word(&self.id)
    }

    /// Which fields it says are empty.
    pub(super) fn cleared(&self) -> Cleared {
        let is_cleared = |said: &Option<Value>| said.as_ref().is_some_and(Value::is_null);
        Cleared {
            name: is_cleared(&self.name),
            kind: is_cleared(&self.kind),
            description: is_cleared(&self.description),
        }
    }

    /// Whether it is told in the earlier revision of lists.
    pub(super) fn is_of_earlier_revision(&self) -> bool {
        self.resources.items.is_none() && (self.image_resources.items.is_some() || !self.cover_image.is_null())
    }

    /// What it says of the element `id`.
    pub(super) fn into_fields(self, id: &ElementId) -> Fields {
        let time = |value| integer(value).and_then(Time::from_unix_millis);
        Fields {
            id: id.as_str().to_owned(),
            name: self.name.as_ref().and_then(text),
            kind: self.kind.as_ref().and_then(text),
            description: self.description.as_ref().and_then(text),
            user_id: integer(&self.user_id),
            current_version: integer(&self.current_version),
            favored: boolean(&self.favored),
            official: boolean(&self.official),
            create_time: time(&self.create_time),
            update_time: time(&self.update_time),
            tags: self
                .tag_list
                .items
                .or_else(|| self.tag.is_object().then(|| vec![self.tag]))
                .filter(fit_into_a_manifest),
        }
    }

    /// Its assets in order, each link once; `None` if there are more than an element may have.
    pub(super) fn assets(&self) -> Option<Vec<Asset>> {
        if self.resources.overflow || self.image_resources.overflow {
            return None;
        }
        let mut assets = Assets::default();
        assets.add(asset(&self.cover, Role::Cover).or_else(|| asset(&self.cover_image, Role::Cover)));
        assets.add(voice(&self.voice));
        for resource in self.resources.items.iter().flatten() {
            assets.add(asset(resource, role(resource)));
            assets.add(voice(&resource["voice"]));
        }
        if self.resources.items.is_none() {
            for image in self.image_resources.items.iter().flatten() {
                let role = if image.is_string() { Role::Secondary } else { role(image) };
                assets.add(asset(image, role));
            }
        }
        let mut assets = assets.0;
        assets.sort_by_key(|asset| asset.role);
        (assets.len() <= MAX_ASSETS).then_some(assets)
    }
}

/// The most bytes that tags may take as JSON: a manifest is indented, which makes a hundred bytes of one that is nested
/// deep.
const MAX_TAGS_SIZE: usize = 256 * 1024;

/// Whether tags can be written into a manifest, and read again from it. They may be nested deeper than the reply was:
/// serde_json takes an object with its own marker for raw values for the JSON in its text.
fn fit_into_a_manifest(tags: &Vec<Value>) -> bool {
    serde_json::to_vec(tags).is_ok_and(|json| json.len() <= MAX_TAGS_SIZE && !is_too_deep(&json))
}

/// The assets found so far.
#[derive(Default)]
struct Assets(Vec<Asset>);

impl Assets {
    /// Adds an asset, unless it is there. Of the cover the API gives two links, which may be signed differently.
    fn add(&mut self, found: Option<Asset>) {
        let Some(found) = found else { return };
        let is_cover = |asset: &Asset| asset.role == Role::Cover;
        let is_same = |known: &&mut Asset| {
            known.link == found.link || is_cover(known) && is_cover(&found) && known.link.path() == found.link.path()
        };
        match self.0.iter_mut().find(is_same) {
            Some(known) => {
                known.width = known.width.or(found.width);
                known.height = known.height.or(found.height);
            }
            None => self.0.push(found),
        }
    }
}

/// The role that a resource says it has, or that its other fields tell of.
fn role(resource: &Value) -> Role {
    match word(&resource["resourceKey"]).as_deref() {
        Some("cover") => Role::Cover,
        Some("secondary") => Role::Secondary,
        Some("video") => Role::Video,
        Some(_) => Role::Other,
        None if boolean(&resource["cover"]) == Some(true) => Role::Cover,
        None if word(&resource["slotKey"]).is_some() => Role::Secondary,
        None => Role::Other,
    }
}

fn asset(resource: &Value, role: Role) -> Option<Asset> {
    let pixels = |name: &str| integer(&resource[name]).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
    let slot = if role == Role::Secondary { word(&resource["slotKey"]).unwrap_or_default() } else { String::new() };
    Some(Asset { role, slot, link: link(resource)?.into(), width: pixels("width"), height: pixels("height") })
}

fn voice(voice: &Value) -> Option<Asset> {
    // A voice without a resource may hold the link itself.
    let link: Link = link(&voice["resource"]).or_else(|| link(voice))?.into();
    Some(Asset { role: Role::Voice, slot: String::new(), link, width: None, height: None })
}

/// The link of a resource: the resource itself, if it is a text, or what is in its `resource` or `url`, however deep.
fn link(resource: &Value) -> Option<String> {
    match resource {
        Value::String(url) => Some(url.trim().to_owned()).filter(|url| !url.is_empty()),
        Value::Object(members) => ["resource", "url"].iter().find_map(|name| link(members.get(*name)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
