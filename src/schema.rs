//! JSON Schemas of what the program writes for other programs, derived from the types that it writes.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::manifest::Manifest;
use crate::outcome::ElementOutcome;

/// The JSON Schema (draft 2020-12) of a `manifest.json`, and of a line of `index.ndjson`, which is one without
/// `response`.
pub fn manifest() -> Value {
    let mut schema = derived::<Manifest>([
        ("$id", "urn:element-mirror:manifest:1"),
        ("title", "manifest.json of element-mirror, or a line of index.ndjson"),
        ("description", "What an element's folder holds: one whole version. Later programs may add fields."),
    ]);
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|field| field != "response");
    }
    schema
}

/// The JSON Schema (draft 2020-12) of a line of a report.
pub fn report() -> Value {
    derived::<ElementOutcome>([
        ("$id", "urn:element-mirror:report:1"),
        ("title", "A report line of element-mirror"),
        ("description", "What became of an element, or of what in a list names none. Later programs may add fields."),
    ])
}

/// The schema of `T` as it is written, with the keywords `about` it as a whole.
fn derived<T: JsonSchema>(about: [(&str, &str); 3]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    for plainer in [without_null, with_values_listed, without_formats_of_rust] {
        RecursiveTransform(plainer).transform(&mut schema);
    }
    for (keyword, text) in about {
        schema.insert(keyword.to_owned(), text.into());
    }
    // Keywords are inserted in reading order. A JSON value always converts to itself.
    serde_json::to_value(schema).unwrap_or_default()
}

/// A field that is not known is left out, and never null: only fields that are always there may be null.
fn without_null(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.iter().any(|field| field == *name)) {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &mut types[..] {
                let only = only.take();
                property.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(choices)) = property.remove("anyOf") {
            let choices = choices.into_iter().filter(|choice| choice["type"] != "null");
            property.extend(choices.filter_map(|choice| choice.as_object().cloned()).flatten());
        }
    }
}

/// A choice of values that are described one by one becomes a list of them, and one description: that is what other
/// programs understand best.
fn with_values_listed(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let value = |choice: &Value| Some((choice.get("const")?.clone(), choice["description"].as_str()?.to_owned()));
    let Some(described) = choices.iter().map(value).collect::<Option<Vec<_>>>() else { return };
    let mut text = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (value, description) in &described {
        text += &format!("\n- {}: {description}", value.as_str().unwrap_or_default());
    }
    schema.remove("oneOf");
    schema.insert("description".into(), text.trim_start().into());
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), described.into_iter().map(|(value, _)| value).collect());
}

/// `uint32` and the like mean nothing to anybody else.
fn without_formats_of_rust(schema: &mut Schema) {
    let is_number = schema.get("type").is_some_and(|kind| kind == "integer");
    if is_number {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::json_schema;
    use serde_json::json;

    fn made_plainer(with: fn(&mut Schema), mut schema: Schema) -> Value {
        with(&mut schema);
        schema.to_value()
    }

    #[test]
    fn only_a_field_that_is_always_there_may_be_null() {
        let nullable = json!({"anyOf": [{"$ref": "#/$defs/Time"}, {"type": "null"}], "description": "When."});
        let schema = json_schema!({
            "properties": {"there": nullable, "left": nullable, "size": {"type": ["integer", "null"]}},
            "required": ["there"],
        });
        let left = json!({"description": "When.", "$ref": "#/$defs/Time"});
        let expected = json!({
            "properties": {"there": nullable, "left": left, "size": {"type": "integer"}},
            "required": ["there"],
        });
        assert_eq!(made_plainer(without_null, schema), expected);
    }

    #[test]
    fn a_choice_of_described_values_is_a_list_and_any_other_choice_stays() {
        let value = |name: &str| json!({"type": "string", "const": name, "description": format!("It is {name}.")});
        let schema = json_schema!({"description": "A kind.", "oneOf": [value("a"), value("b")]});
        let expected = json!({
            "description": "A kind.\n- a: It is a.\n- b: It is b.",
            "type": "string",
            "enum": ["a", "b"],
        });
        assert_eq!(made_plainer(with_values_listed, schema), expected);
        let other = json_schema!({"oneOf": [value("a"), {"type": "integer"}]});
        assert_eq!(made_plainer(with_values_listed, other.clone()), other.to_value());
    }

    #[test]
    fn a_times_format_stays_and_that_of_a_number_goes() {
        let number = json_schema!({"type": "integer", "format": "uint32"});
        assert_eq!(made_plainer(without_formats_of_rust, number), json!({"type": "integer"}));
        let time = json_schema!({"type": "string", "format": "date-time"});
        assert_eq!(made_plainer(without_formats_of_rust, time.clone()), time.to_value());
    }
}
