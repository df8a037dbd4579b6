//! The JSON Schema of profiles and packs, made of the same structs that parse them.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::check::{CheckFields, Defaults};
use super::inputs::InputDecl;
use super::{PackUse, SignOff, Waiver};
use crate::kinds::KINDS;

/// The schema of a profile; packs are profiles without the sections a pack has no use for.
pub(crate) fn profile() -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut check = json_of::<CheckFields>(&mut generator);
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|kind| json!({ "required": [kind.name] }))
        .collect();
    let mut definitions = serde_json::Map::new();
    if let Some(properties) = check.get_mut("properties").and_then(Value::as_object_mut) {
        for kind in KINDS {
            let mut schema = (kind.schema)().to_value();
            hoist(kind.name, &mut schema, &mut definitions);
            accept_references(&mut schema);
            if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                fields.insert("assert".to_owned(), json!({
                    "description": "CEL over what was observed (under the kind's name and `facts`), for what matchers cannot say.",
                    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
                }));
            }
            properties.insert(kind.name.to_owned(), schema);
        }
    }
    accept_references(&mut check);
    check["oneOf"] = kinds.into();
    let sections = json!({
        "version": { "const": 1, "description": "Version of this format." },
        "name": { "type": "string", "description": "Name, as `--profile` takes it." },
        "title": { "type": "string", "description": "Heading of a pack's checks in reports." },
        "description": { "type": "string", "description": "What it is for, one sentence." },
        "extends": { "description": "Profiles to build on, by name or path; later wins, per check id and field.", "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
        "inputs": { "type": "object", "additionalProperties": json_of::<InputDecl>(&mut generator), "description": "Typed values a user gives." },
        "targets": { "type": "object", "additionalProperties": { "type": "object" }, "description": "Named sets of inputs, for `--target`." },
        "defaults": json_of::<Defaults>(&mut generator),
        "packs": { "type": "array", "items": json_of::<PackUse>(&mut generator) },
        "checks": { "type": "array", "minItems": 1, "items": check },
        "waivers": { "type": "array", "items": json_of::<Waiver>(&mut generator) },
        "sign_offs": { "type": "array", "items": json_of::<SignOff>(&mut generator) },
        "checklists": { "type": "array", "items": json_of::<crate::checklist::Checklist>(&mut generator) },
    });
    let own = generator.take_definitions(true);
    definitions.extend(own);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "readyctl profile or pack",
        "type": "object", "required": ["version"], "additionalProperties": false,
        "properties": sections, "$defs": definitions,
    })
}

/// The schema of the JSON report.
pub(crate) fn report() -> Value {
    schemars::schema_for!(crate::outcome::Report).to_value()
}

/// The schema of one type, inline.
fn json_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

/// Moves the definitions of a kind's schema to the common list. Kinds may use one name for different
/// types: such a definition gets the kind's name in front.
fn hoist(kind: &str, schema: &mut Value, definitions: &mut serde_json::Map<String, Value>) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("$schema");
    let Some(Value::Object(mut own)) = object.remove("$defs") else {
        return;
    };
    let shared = |name: &str| {
        matches!(
            name,
            "Matcher"
                | "Duration"
                | "ByteSize"
                | "Version"
                | "Pattern"
                | "Secret"
                | "JsonPath"
                | "JsonExpectations"
                | "Expression"
        )
    };
    let renamed = |name: &str| {
        if shared(name) {
            name.to_owned()
        } else {
            format!("{kind}.{name}")
        }
    };
    rename_references(schema, &renamed);
    for (name, definition) in &mut own {
        rename_references(definition, &renamed);
        accept_references(definition);
        definitions
            .entry(renamed(name))
            .or_insert_with(|| definition.take());
    }
}

/// Rewrites every `$ref` to a definition.
fn rename_references(schema: &mut Value, renamed: &impl Fn(&str) -> String) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value
                    .as_str()
                    .and_then(|text| text.strip_prefix("#/$defs/"))
                {
                    Some(name) if key == "$ref" => {
                        *value = format!("#/$defs/{}", renamed(name)).into();
                    }
                    _ => rename_references(value, renamed),
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| rename_references(item, renamed)),
        _ => {}
    }
}

/// Lets `"${input}"` stand wherever something else than free text is expected.
fn accept_references(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if is_choice(object) {
                // The words themselves stay: each wrapped alone would match a reference twice.
                let options = object.get_mut("oneOf").and_then(Value::as_array_mut);
                for option in options.into_iter().flatten() {
                    if !is_word(option) {
                        accept_references(option);
                    }
                }
                or_reference(object);
                return;
            }
            object.values_mut().for_each(accept_references);
            let named = |kind: &Value| {
                matches!(
                    kind.as_str(),
                    Some("integer" | "number" | "boolean" | "array")
                )
            };
            let typed = object.get("type").is_some_and(|kinds| {
                kinds.as_array().map_or_else(
                    || named(kinds),
                    |kinds| kinds.iter().any(named) && !kinds.contains(&"string".into()),
                )
            });
            if typed && !object.contains_key("const") {
                or_reference(object);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(accept_references),
        _ => {}
    }
}

/// Whether a schema is one fixed word, or a list of them.
fn is_word(schema: &Value) -> bool {
    schema.get("const").is_some_and(Value::is_string) || schema.get("enum").is_some()
}

/// Whether a schema is a choice among words.
fn is_choice(object: &serde_json::Map<String, Value>) -> bool {
    object.get("enum").is_some_and(Value::is_array)
        || object
            .get("oneOf")
            .and_then(Value::as_array)
            .is_some_and(|options| options.iter().any(is_word))
}

/// The same schema, or text with a reference in it.
fn or_reference(object: &mut serde_json::Map<String, Value>) {
    let original = Value::Object(std::mem::take(object));
    if let Some(description) = original.get("description").cloned() {
        object.insert("description".to_owned(), description);
    }
    let reference = json!({ "type": "string", "pattern": "\\$\\{" });
    object.insert("anyOf".to_owned(), json!([original, reference]));
}
