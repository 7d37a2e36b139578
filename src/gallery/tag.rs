//! The API's tags, which are objects of any shape, in words.

use serde_json::Value;

/// Where a tag has its words: the first of these that it has.
const WORDS: [&str; 9] = ["tagDesc", "tagName", "name", "label", "title", "text", "desc", "tagKey", "key"];

/// A tag in words; where none are found in it, its JSON.
pub(super) fn words(tag: &Value) -> String {
    let of = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    };
    of(tag).or_else(|| WORDS.iter().find_map(|key| of(tag.get(key)?))).unwrap_or_else(|| tag.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_is_shown_in_its_own_words_or_else_as_it_came() {
        for (tag, shown) in [
            (json!({"id": 101, "tagKey": "o_101_character", "tagDesc": "Character"}), "Character"),
            (json!({"tagDesc": " ", "tagKey": "o_1"}), "o_1"),
            (json!("plain"), "plain"),
            (json!({"name": {"en": "x"}}), "{\"name\":{\"en\":\"x\"}}"),
            (json!([1, null]), "[1,null]"),
            (json!(7), "7"),
            (json!(null), "null"),
            (json!(""), "\"\""),
        ] {
            assert_eq!(words(&tag), shown);
        }
    }
}
