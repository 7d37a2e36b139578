//! The API's JSON as it comes: bounded in depth and length, with errors in the body, and values of one type where
//! another is expected.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::{ErrorKind, Failure};
use crate::text::printable;

/// The deepest nesting that is taken. It is less than serde_json's own limit of 127, since tags stand deeper in a
/// manifest.
const MAX_DEPTH: usize = 120;

/// An array, of which at most `MAX` items are kept: however long it is, it takes no more memory than that.
pub(super) struct Bounded<T, const MAX: usize> {
    /// The items; `None` where the JSON is no array.
    pub(super) items: Option<Vec<T>>,
    /// Whether there were more.
    pub(super) overflow: bool,
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self { items: None, overflow: false }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Items(PhantomData))
    }
}

struct Items<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
    type Value = Bounded<T, MAX>;

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

/// The body without a byte order mark, and with U+FFFD for each half of a surrogate pair. (A name that was cut inside a
/// character ends in such a half, which would make all of the JSON unreadable.)
///
/// # Errors
/// `bad_reply` where it is nested too deep or no UTF-8, `truncated` where it ends inside a character.
pub(super) fn mended(body: &[u8]) -> Result<Cow<'_, str>, Failure> {
    if is_too_deep(body) {
        return Err(Failure::new(ErrorKind::BadReply, format!("the reply is nested more than {MAX_DEPTH} deep")));
    }
    let body = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).map_err(|error| {
        let kind = if error.error_len().is_none() { ErrorKind::Truncated } else { ErrorKind::BadReply };
        Failure::new(kind, format!("the reply is no UTF-8 text: {error}"))
    })?;
    let mut mended = Cow::Borrowed(body);
    for place in lone_surrogates(body) {
        mended.to_mut().replace_range(place..place + 4, "fffd");
    }
    Ok(mended)
}

/// Where in `json` the digits stand of each escape `\uXXXX` that is half of a surrogate pair, without the other half.
fn lone_surrogates(json: &str) -> Vec<usize> {
    let code = |place: usize| {
        let digits = json.get(place..place + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().map(|code| (code, place + 2))
    };
    let mut halves = Vec::new();
    let mut place = 0;
    while let Some(found) = json[place..].find('\\') {
        place += found;
        place += match (code(place), code(place + 6)) {
            (Some((0xd800..=0xdbff, _)), Some((0xdc00..=0xdfff, _))) => 12,
            (Some((0xd800..=0xdfff, digits)), _) => {
                halves.push(digits);
                6
            }
            // The escaped character may be a backslash itself. It is one byte, or the JSON is none.
            _ => 2,
        };
        if !json.is_char_boundary(place) {
            break;
        }
    }
    halves
}

/// Whether JSON is nested deeper than [`MAX_DEPTH`]. (serde would see that only in fields that are read.)
pub(super) fn is_too_deep(json: &[u8]) -> bool {
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

/// Reads a JSON object.
///
/// # Errors
/// `truncated` where it ends early, else `bad_reply`.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Failure> {
    // serde would read a struct from an array, field by field; the API has no such shape.
    if body.trim_ascii_start().starts_with(|first| first != '{') {
        let begins = printable(&body.chars().take(200).collect::<String>(), 80);
        return Err(Failure::new(ErrorKind::BadReply, format!("the reply is no JSON object, it begins: {begins}")));
    }
    serde_json::from_str(body).map_err(|error| {
        let kind = if error.is_eof() { ErrorKind::Truncated } else { ErrorKind::BadReply };
        Failure::new(kind, format!("the reply is no whole JSON: {error}"))
    })
}

/// The words of an error body: `{"error": "…"}` or `{"error": {"message": "…"}}`, else its text. Cleaned of what could
/// steer a terminal.
pub fn error_text(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        error: Value,
    }
    let said = serde_json::from_slice::<Body>(body).ok().and_then(|body| error_of(&body.error));
    said.unwrap_or_else(|| printable(&String::from_utf8_lossy(&body[..body.len().min(2000)]), 200))
}

/// Checks that the `error` member of a reply says nothing.
///
/// # Errors
/// `api_error`, in its words.
pub(crate) fn no_error(error: &Value) -> Result<(), Failure> {
    error_of(error).map_or(Ok(()), |text| Err(Failure::new(ErrorKind::ApiError, format!("the API says: {text}"))))
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

/// The text that `value` is; a number counts as one.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text that `value` is, unless it is empty.
pub(super) fn word(value: &Value) -> Option<String> {
    text(value).filter(|word| !word.is_empty())
}

/// The whole number that `value` is, be it as a text.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            // A float is taken where it is a whole number that i64 holds exactly enough.
            number.as_i64().or_else(|| number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The yes or no that `value` is: also `"true"` and `"false"`, and a number that is 0 or not.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().map(|n| n != 0),
        _ => None,
    }
}
