//! The API's JSON: two published shapes, every field optional, numbers as strings, unknown things passed over.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Asset, Element, ElementId, Fields, MAX_ASSETS, Role, url_path};
use crate::error::{ErrorKind, Failure, printable};
use crate::time::Time;

/// The most tags that are kept; an element has a handful.
const MAX_TAGS: usize = 1000;

/// The deepest nesting that is taken, the same as serde_json's own.
const MAX_DEPTH: usize = 127;

/// The top of a reply, as far as it decides where the element stands.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Top<'a> {
    id: Value,
    error: Value,
    #[serde(borrow)]
    element: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireElement {
    id: Value,
    name: Value,
    #[serde(rename = "type")]
    kind: Value,
    description: Value,
    user_id: Value,
    current_version: Value,
    favored: Value,
    official: Value,
    create_time: Value,
    update_time: Value,
    cover: Value,
    resources: Bounded<MAX_ASSETS>,
    tag_list: Bounded<MAX_TAGS>,
    voice: Value,
}

/// At most `MAX` items of an array; more are counted as one too many, but not kept. `None` where there is no array.
#[derive(Default)]
struct Bounded<const MAX: usize> {
    items: Option<Vec<Value>>,
    overflow: bool,
}

impl<'de, const MAX: usize> Deserialize<'de> for Bounded<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<const MAX: usize>;
        impl<'de, const MAX: usize> Visitor<'de> for Items<MAX> {
            type Value = Bounded<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX {
                    let Some(item) = seq.next_element()? else {
                        return Ok(Bounded { items: Some(items), overflow: false });
                    };
                    items.push(item);
                }
                let mut overflow = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    overflow = true;
                }
                Ok(Bounded { items: Some(items), overflow })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Bounded::default())
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }
        }
        deserializer.deserialize_any(Items)
    }
}

pub(super) fn parse(body: &[u8], asked: &ElementId) -> Result<Element, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if is_too_deep(body) {
        return Err(Failure::new(ErrorKind::BadReply, format!("the reply is nested more than {MAX_DEPTH} deep")));
    }
    let top: Top<'_> = from_json(body)?;
    if let Some(text) = error_of(&top.error) {
        return Err(Failure::new(ErrorKind::ApiError, format!("the API says: {text}")));
    }
    let wrapped = top.element.filter(|inner| top.id.is_null() && inner.get().starts_with('{'));
    let wire: WireElement = match wrapped {
        Some(inner) => from_json(inner.get().as_bytes())?,
        None => from_json(body)?,
    };
    if let Some(other) = word(&wire.id).filter(|id| id != asked.as_str()) {
        let other = printable(&other, 64);
        return Err(Failure::new(ErrorKind::WrongId, format!("asked for {asked}, the reply is about {other}")));
    }
    let assets = assets(&wire)?;
    Ok(Element { fields: fields(wire, asked), assets })
}

/// Whether JSON is nested deeper than any reader of `element.json` should have to go. serde sees that only in fields
/// that are read.
fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    json.iter().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

fn from_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    // serde would read a struct from an array, field by field; the API has no such shape.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'{') {
        let begins = printable(&String::from_utf8_lossy(&body[..body.len().min(200)]), 80);
        return Err(Failure::new(ErrorKind::BadReply, format!("the reply is no JSON object, it begins: {begins}")));
    }
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_eof() { ErrorKind::Truncated } else { ErrorKind::BadReply };
        Failure::new(kind, format!("the reply is no whole JSON: {error}"))
    })
}

/// The words of an error body: `{"error": "…"}` or `{"error": {"message": "…"}}`, else its text. Cleaned of what could
/// steer a terminal.
pub fn error_text(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Top<'_>>(body).ok().and_then(|top| error_of(&top.error));
    said.unwrap_or_else(|| printable(&String::from_utf8_lossy(&body[..body.len().min(2000)]), 200))
}

fn error_of(error: &Value) -> Option<String> {
    let said = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::String(said) if said.is_empty() => return None,
        Value::String(said) => said.clone(),
        Value::Object(members) => match members.get("message") {
            Some(Value::String(said)) => said.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    };
    Some(printable(&said, 200))
}

fn fields(wire: WireElement, asked: &ElementId) -> Fields {
    let time = |value| integer(value).and_then(Time::from_unix_millis);
    Fields {
        id: asked.as_str().to_owned(),
        name: text(&wire.name),
        kind: text(&wire.kind),
        description: text(&wire.description),
        user_id: integer(&wire.user_id),
        current_version: integer(&wire.current_version),
        favored: boolean(&wire.favored),
        official: boolean(&wire.official),
        create_time: time(&wire.create_time),
        update_time: time(&wire.update_time),
        tags: wire.tag_list.items,
    }
}

fn assets(wire: &WireElement) -> Result<Vec<Asset>, Failure> {
    if wire.resources.overflow {
        return Err(too_many());
    }
    let mut assets: Vec<Asset> = Vec::new();
    let mut add = |found: Option<Asset>| {
        let Some(found) = found else { return };
        let twin = assets.iter_mut().find(|known| {
            known.url == found.url
                || (known.role == Role::Cover
                    && found.role == Role::Cover
                    && url_path(&known.url) == url_path(&found.url))
        });
        match twin {
            Some(known) => {
                known.width = known.width.or(found.width);
                known.height = known.height.or(found.height);
            }
            None => assets.push(found),
        }
    };
    add(asset(&wire.cover, Role::Cover));
    add(voice(&wire.voice));
    for resource in wire.resources.items.iter().flatten() {
        add(asset(resource, role(resource)));
        add(voice(&resource["voice"]));
    }
    if assets.is_empty() {
        return Err(Failure::new(ErrorKind::NoAssets, "the API names no resource of this element"));
    }
    if assets.len() > MAX_ASSETS {
        return Err(too_many());
    }
    assets.sort_by_key(|asset| asset.role);
    Ok(assets)
}

fn too_many() -> Failure {
    Failure::new(ErrorKind::TooManyAssets, format!("the element has more than {MAX_ASSETS} resources"))
}

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
    Some(Asset { role, slot, url: link(resource)?, width: pixels("width"), height: pixels("height") })
}

fn voice(voice: &Value) -> Option<Asset> {
    let url = link(&voice["resource"]).or_else(|| voice.is_string().then(|| link(voice))?)?;
    Some(Asset { role: Role::Voice, slot: String::new(), url, width: None, height: None })
}

/// The link of a resource: itself a string, or in its `resource` or `url`, however deep that goes.
fn link(resource: &Value) -> Option<String> {
    match resource {
        Value::String(url) => Some(url.trim().to_owned()).filter(|url| !url.is_empty()),
        Value::Object(members) => ["resource", "url"].iter().find_map(|name| link(members.get(*name)?)),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn word(value: &Value) -> Option<String> {
    text(value).filter(|word| !word.is_empty())
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            // A float is taken where it is a whole number that i64 holds exactly enough.
            number.as_i64().or_else(|| number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().map(|n| n != 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
