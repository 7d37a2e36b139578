//! What is in a bucket, and how it changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use element_mirror::digest::Digest;
use jiff::Timestamp;

use super::wire::Answer;

/// An object.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) digest: Digest,
    pub(crate) e_tag: String,
    pub(crate) modified: Timestamp,
    pub(crate) media_type: String,
}

impl Object {
    pub(super) fn new(bytes: Vec<u8>, media_type: &str) -> Self {
        let digest = Digest::of(&bytes);
        let e_tag = format!("\"{}\"", &digest.to_string()[..32]);
        Self { bytes: Arc::new(bytes), digest, e_tag, modified: Timestamp::now(), media_type: media_type.to_owned() }
    }

    pub(super) fn age(&mut self, by: Duration) {
        self.modified = self.modified.checked_sub(by).unwrap();
    }
}

/// What goes up in parts, and is none yet.
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) media_type: String,
    /// Etag and bytes of each part, by its number.
    pub(super) parts: BTreeMap<usize, (String, Vec<u8>)>,
}

/// Whether an object may be put in the place of the one that stands: as the two headers say.
pub(super) fn refusal(standing: Option<&Object>, if_none_match: &str, if_match: &str) -> Option<Answer> {
    let failed = || {
        let message = "At least one of the pre-conditions you specified did not hold";
        Some(Answer::error(412, "PreconditionFailed", message))
    };
    match standing {
        Some(_) if if_none_match == "*" => failed(),
        Some(object) if !if_match.is_empty() && object.e_tag != if_match => failed(),
        None if !if_match.is_empty() => Some(no_such_key()),
        _ => None,
    }
}

pub(super) fn no_such_key() -> Answer {
    Answer::error(404, "NoSuchKey", "The specified key does not exist.")
}

/// Objects and what is common to the beginnings of their keys, a page of them.
#[derive(Default)]
pub(super) struct Page {
    pub(super) keys: Vec<String>,
    pub(super) prefixes: Vec<String>,
    /// Where the next one goes on: behind this key or prefix.
    pub(super) next: Option<String>,
}

/// A page of what is listed, with at most `size` entries.
pub(super) fn page<'a>(
    keys: impl Iterator<Item = &'a String>,
    (prefix, delimiter): (&str, &str),
    (after, size): (&str, usize),
) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    for key in keys.filter(|key| key.starts_with(prefix)) {
        let end = (!delimiter.is_empty()).then(|| key[prefix.len()..].find(delimiter)).flatten();
        let common = end.map(|end| &key[..prefix.len() + end + delimiter.len()]);
        let entry = common.unwrap_or(key);
        if entry <= after || page.prefixes.last().is_some_and(|prefix| prefix == entry) {
            continue;
        }
        if page.keys.len() + page.prefixes.len() == size {
            page.next = Some(last);
            break;
        }
        last = entry.to_owned();
        match common {
            Some(common) => page.prefixes.push(common.to_owned()),
            None => page.keys.push(key.clone()),
        }
    }
    page
}
