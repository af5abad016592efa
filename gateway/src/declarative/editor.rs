//! The JSON Schema of the format, made of the kinds, for editors and other tools.

use serde_json::{Map, Value, json};

use super::declared_kinds;
use super::flatten::nested;
use crate::model::Kind;

/// The schema. `configurations` are names of plugins and the schema of what each is configured with.
#[must_use]
pub fn editor_schema(configurations: &[(String, Value)]) -> Value {
    let mut properties = Map::new();
    let mut definitions = Map::new();
    let mut put = |name: &str, value: Value| _ = properties.insert(name.to_owned(), value);
    put("_format_version", json!({ "type": "string", "enum": ["1.1", "2.1", "3.0"] }));
    put("_transform", json!({ "type": "boolean", "description": "false: passwords are hashes already" }));
    put("_comment", json!(true));
    put("_ignore", json!(true));
    put("_info", json!({ "type": "object", "description": "for decK" }));
    put("_konnect", json!({ "type": "object", "description": "for decK" }));
    put("_workspace", json!({ "type": "string", "const": "default" }));
    for kind in declared_kinds() {
        put(kind.name, list_of(kind));
        definitions.insert(kind.name.to_owned(), entity(kind, configurations));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Declarative configuration of Weir",
        "type": "object",
        "required": ["_format_version"],
        "additionalProperties": false,
        "properties": properties,
        "$defs": definitions,
    })
}

fn list_of(kind: &Kind) -> Value {
    json!({ "type": ["array", "null"], "items": { "$ref": format!("#/$defs/{}", kind.name) } })
}

/// An entity, with what may stand below it.
fn entity(kind: &Kind, configurations: &[(String, Value)]) -> Value {
    let mut schema = kind.file_schema();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, below) in nested(kind) {
            let list = if key == below.name { list_of(below) } else { names() };
            properties.insert(key.to_owned(), list);
        }
        if let Some(listed) = kind.listed {
            properties.insert(listed.field.to_owned(), either(&list_of_named(listed.kind), &names()));
        }
    }
    if kind.given_by().is_some() {
        let one = |(name, schema): &(String, Value)| {
            json!({
                "if": { "properties": { "name": { "const": name } }, "required": ["name"] },
                "then": { "properties": { "config": schema } },
            })
        };
        let all: Vec<Value> = configurations.iter().map(one).collect();
        if let (Some(schema), false) = (schema.as_object_mut(), all.is_empty()) {
            schema.insert("allOf".to_owned(), all.into());
        }
    }
    schema
}

fn list_of_named(kind: &str) -> Value {
    json!({ "type": "array", "items": { "$ref": format!("#/$defs/{kind}") } })
}

fn either(one: &Value, other: &Value) -> Value {
    json!({ "anyOf": [one, other] })
}

/// A list of names, alone or in records.
fn names() -> Value {
    json!({ "type": ["array", "null"], "items": { "type": ["string", "object"] } })
}
