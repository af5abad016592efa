//! What is wrong with an entity: every violation with its place, in Kong's form.

use serde_json::{Map, Value};

use super::lua;
use super::record::Document;

/// The text for a field that is missing or null.
pub(super) const REQUIRED: &str = "required field missing";
/// The text for a key that no rule knows.
pub(super) const UNKNOWN: &str = "unknown field";

/// All violations of one entity. `fields` mirrors the entity; texts about the whole stand under `@entity`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Violations {
    /// Text, list with holes or nested map for each field that is wrong.
    pub fields: Document,
}

impl Violations {
    /// One violation of one field; `path` may be dotted.
    #[must_use]
    pub fn of(path: &str, text: impl Into<String>) -> Self {
        let mut fields = Document::new();
        put_at(&mut fields, path, Value::String(text.into()));
        Self { fields }
    }

    /// Adds a violation of one field; `path` may be dotted.
    pub fn add(&mut self, path: &str, text: impl Into<String>) {
        put_at(&mut self.fields, path, Value::String(text.into()));
    }

    /// One violation of the entity as a whole.
    #[must_use]
    pub fn of_entity(text: impl Into<String>) -> Self {
        let mut fields = Document::new();
        fields.insert("@entity".to_owned(), Value::Array(vec![Value::String(text.into())]));
        Self { fields }
    }

    /// Kong's sentence: `schema violation (name: required field missing)`.
    #[must_use]
    pub fn message(&self) -> String {
        let parts = parts(&self.fields);
        let text = parts.join("; ");
        match parts.len() {
            1 => format!("schema violation ({text})"),
            count => format!("{count} schema violations ({text})"),
        }
    }

    /// Each violation as a dotted path and its text, for messages that name one.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        parts(&self.fields)
    }
}

fn parts(fields: &Document) -> Vec<String> {
    let mut out: Vec<String> = match fields.get("@entity") {
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut names: Vec<&String> = fields.keys().filter(|name| *name != "@entity").collect();
    names.sort();
    for name in names {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) => {
                let found = list.iter().enumerate().filter(|(_, value)| !value.is_null());
                out.extend(found.map(|(at, value)| format!("{name}.{}: {}", at + 1, below(value))));
            }
            Some(Value::Object(map)) => {
                let mut keys: Vec<(&String, &Value)> = map.iter().collect();
                keys.sort_by_key(|(key, _)| *key);
                out.extend(keys.into_iter().map(|(key, value)| format!("{name}.{key}: {}", below(value))));
            }
            Some(value @ (Value::String(_) | Value::Bool(_) | Value::Number(_))) => {
                out.push(format!("{name}: {}", below(value)));
            }
        }
    }
    out
}

fn below(value: &Value) -> String {
    value.as_str().map_or_else(|| lua::pretty(value), str::to_owned)
}

/// Puts `value` at a dotted path, making the records on the way.
pub(super) fn put_at(into: &mut Document, path: &str, value: Value) {
    let Some((head, rest)) = path.split_once('.') else {
        into.insert(path.to_owned(), value);
        return;
    };
    let below = into.entry(head).or_insert_with(|| Value::Object(Map::new()));
    if !below.is_object() {
        *below = Value::Object(Map::new());
    }
    if let Some(map) = below.as_object_mut() {
        put_at(map, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_kongs() {
        for (case, fields, want) in [
            (
                "one",
                json!({"name": "required field missing"}),
                "schema violation (name: required field missing)",
            ),
            (
                "two, sorted",
                json!({"path": "should start with: /", "host": "required field missing"}),
                "2 schema violations (host: required field missing; path: should start with: /)",
            ),
            ("entity first", json!({"a": "x", "@entity": ["whole"]}), "2 schema violations (whole; a: x)"),
            ("list", json!({"snis": ["must not be an IP"]}), "schema violation (snis.1: must not be an IP)"),
            ("hole", json!({"snis": [null, "b"]}), "schema violation (snis.2: b)"),
            (
                "record",
                json!({"config": {"minute": "expected a number"}}),
                "schema violation (config.minute: expected a number)",
            ),
            (
                "deep",
                json!({"config": {"redis": {"host": "x"}}}),
                "schema violation (config.redis: {\n  host = \"x\"\n})",
            ),
        ] {
            let found = Violations { fields: fields.as_object().unwrap().clone() };
            assert_eq!(found.message(), want, "{case}");
        }
    }
}
