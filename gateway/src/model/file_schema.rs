//! Field rules as JSON Schema, for editors: what can be said there, no more.
//!
//! Defaults, types, bounds and choices are; checks over several fields are not. In a file a reference
//! is a name or an id, and one that is required may come from the place of the entity, so none is
//! demanded here.

use serde_json::{Map, Value, json};

use super::field::{Field, Fields, Shape};
use super::kind::Kind;
use super::rule::Rule;

impl Kind {
    /// The entities of this kind as a declarative file may write them.
    #[must_use]
    pub fn file_schema(&self) -> Value {
        let mut schema = record(&self.fields);
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for shorthand in &self.shorthands {
                properties.insert(shorthand.name.to_owned(), field(&shorthand.field));
            }
            if self.ttl {
                properties.insert("ttl".to_owned(), json!({ "type": ["integer", "null"], "minimum": 0 }));
            }
            properties.insert("updated_at".to_owned(), json!({ "type": ["number", "null"] }));
            // Rules of a sort or of a plugin stand in the place of the kind's own.
            for open in self.fields.list.iter().filter(|(_, rule)| rule.open) {
                properties.insert(open.0.to_string(), json!({ "type": ["object", "null"] }));
            }
        }
        if !self.shorthands.is_empty()
            && let Some(schema) = schema.as_object_mut()
        {
            // A shorthand says what else would be missing.
            schema.remove("required");
        }
        schema
    }
}

fn record(fields: &Fields) -> Value {
    let properties: Map<String, Value> =
        fields.list.iter().map(|(name, rule)| (name.to_string(), field(rule))).collect();
    let needed = |rule: &Field| {
        rule.required
            && !rule.auto
            && rule.default.is_none()
            && !matches!(rule.shape, Shape::Foreign(_) | Shape::Record(_))
    };
    let required: Vec<&str> =
        fields.list.iter().filter(|(_, rule)| needed(rule)).map(|(name, _)| name.as_ref()).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn field(rule: &Field) -> Value {
    let mut schema = match &rule.shape {
        Shape::String => json!({ "type": "string" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Json => json!({}),
        Shape::Array(elements) | Shape::Set(elements) => json!({ "type": "array", "items": field(elements) }),
        Shape::Map { values, .. } => json!({ "type": "object", "additionalProperties": field(values) }),
        Shape::Record(_) if rule.open => json!({ "type": "object" }),
        Shape::Record(fields) => record(fields),
        Shape::Foreign(target) => json!({
            "type": ["string", "object"], "description": format!("a name or an id of {target}"),
        }),
    };
    if let Some(schema) = schema.as_object_mut() {
        rule.rules
            .iter()
            .flat_map(bounds)
            .for_each(|(name, value)| _ = schema.insert(name.to_owned(), value));
        if let Some(default) = rule.default.as_ref().filter(|default| !default.is_null()) {
            schema.insert("default".to_owned(), default.clone());
        }
        if !rule.required || rule.auto {
            nullable(schema);
        }
    }
    schema
}

fn nullable(schema: &mut Map<String, Value>) {
    match schema.get_mut("type") {
        Some(kind @ Value::String(_)) => *kind = json!([kind.clone(), "null"]),
        Some(Value::Array(kinds)) => kinds.push("null".into()),
        Some(_) | None => {}
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.push(Value::Null);
    }
}

/// A rule as far as JSON Schema knows it too.
fn bounds(rule: &Rule) -> Vec<(&'static str, Value)> {
    if let Rule::Between(low, high) = rule {
        return vec![("minimum", json!(low)), ("maximum", json!(high))];
    }
    bound(rule).into_iter().collect()
}

fn bound(rule: &Rule) -> Option<(&'static str, Value)> {
    Some(match rule {
        Rule::OneOf(values) => ("enum", values.clone().into()),
        Rule::NotOneOf(values) => ("not", json!({ "enum": values })),
        Rule::Uuid => ("format", "uuid".into()),
        Rule::LenMin(least) => ("minLength", (*least).into()),
        Rule::LenMax(most) => ("maxLength", (*most).into()),
        Rule::StartsWith(prefix) => ("pattern", format!("^{}", regex::escape(prefix)).into()),
        Rule::Gt(limit) => ("exclusiveMinimum", json!(limit)),
        Rule::Lt(limit) => ("exclusiveMaximum", json!(limit)),
        Rule::AtLeast(limit) => ("minimum", json!(limit)),
        Rule::AtMost(limit) => ("maximum", json!(limit)),
        Rule::Between(..)
        | Rule::Eq(_)
        | Rule::Ne(_)
        | Rule::Timestamp
        | Rule::LenEq(_)
        | Rule::MatchNone(_)
        | Rule::Match(_)
        | Rule::MatchAll(_)
        | Rule::MatchAny { .. }
        | Rule::Contains(_)
        | Rule::Text(_)
        | Rule::Whole(_)
        | Rule::Elements(_)
        | Rule::Exclusive(_)
        | Rule::Schema(_) => return None,
    })
}
