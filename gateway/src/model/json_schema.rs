//! Field rules as JSON Schema 2020-12, the dialect of OpenAPI 3.1.
//!
//! A schema says what a client can know beforehand. Checks that only code can make, and those over
//! several fields, are left out: what fits the schema may still be refused.

use serde_json::{Map, Value, json};

use super::describe::number;
use super::field::{Field, Fields, REFERENCEABLE, Shape};
use super::kind::{Kind, Shorthand};
use super::kinds::kind;
use super::rule::{Pattern, Rule};

/// Beyond these an integer is not exact, and refused.
const EXACT: i64 = 9_007_199_254_740_992;

/// Which way an entity goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// As a client sends it. A null stands for "not set", or in a change for the default.
    Sent,
    /// As the gateway prints it: with every field.
    Shown,
}

impl Kind {
    /// The schema of an entity. Nothing is required of one that is sent: see [`Self::required`].
    #[must_use]
    pub fn json_schema(&self, direction: Direction) -> Value {
        let mut properties = properties(&self.fields, direction);
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        if self.ttl {
            let left = json!({ "type": ["integer", "null"], "minimum": 0, "maximum": 100_000_000,
                "description": "Seconds that are left to it." });
            properties.insert("ttl".to_owned(), left);
        }
        if direction == Direction::Sent {
            if let Some(time) = properties.get_mut("updated_at") {
                *time = json!({ "description": "Not looked at: the gateway sets it." });
            }
            // The path of a PUT gives it, whatever the body says.
            let key = self.endpoint_key.and_then(|key| properties.get_mut(key)?.as_object_mut());
            if let Some(key) = key.filter(|key| key.get("type").is_some_and(Value::is_string)) {
                allow_null(key);
            }
            for short in &self.shorthands {
                properties.insert(short.name.to_owned(), field(&short.field, direction));
            }
            schema.insert("additionalProperties".to_owned(), false.into());
        } else {
            let names: Vec<&str> = properties.keys().map(String::as_str).collect();
            schema.insert("required".to_owned(), json!(names));
        }
        schema.insert("properties".to_owned(), properties.into());
        Value::Object(schema)
    }

    /// Fields that a new entity cannot do without. References are not among them, since the path may
    /// give them; nor is what a shorthand field may give.
    #[must_use]
    pub fn required(&self) -> Vec<&str> {
        let given = |name: &str| {
            let sample = |short: &Shorthand| (short.expand)(&"http://a.test".into());
            self.shorthands.iter().any(|short| sample(short).contains_key(name))
        };
        let bare = |rule: &Field| {
            rule.required
                && !rule.auto
                && rule.default.is_none()
                && !matches!(rule.shape, Shape::Record(_) | Shape::Foreign(_))
        };
        let all = self.fields.list.iter();
        all.filter(|(name, rule)| bare(rule) && !given(name)).map(|(name, _)| name.as_ref()).collect()
    }
}

fn properties(rules: &Fields, direction: Direction) -> Map<String, Value> {
    rules.list.iter().map(|(name, rule)| (name.to_string(), field(rule, direction))).collect()
}

fn field(rule: &Field, direction: Direction) -> Value {
    let mut out = shape(rule, direction);
    if direction == Direction::Sent {
        rule.rules.iter().for_each(|rule| limit(rule, &mut out));
    } else if let Some(Rule::OneOf(values)) = rule.rules.iter().find(|rule| matches!(rule, Rule::OneOf(_))) {
        out.insert("enum".to_owned(), values.clone().into());
    }
    if let Some(default) = rule.default.as_ref().filter(|value| !value.is_null()) {
        out.insert("default".to_owned(), default.clone());
    }
    if rule.notes.contains(&REFERENCEABLE) {
        let text = "May be a reference to a vault: {vault://…}.";
        out.insert("description".to_owned(), text.into());
    }
    if !rule.required || (direction == Direction::Sent && (rule.default.is_some() || rule.auto)) {
        allow_null(&mut out);
    }
    Value::Object(out)
}

/// Adds null to the types, and to the values if those are listed. Any JSON has no type.
fn allow_null(out: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = out.get_mut("enum") {
        values.push(Value::Null);
    }
    if let Some(kind) = out.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
}

fn shape(rule: &Field, direction: Direction) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| _ = out.insert(name.to_owned(), value);
    match &rule.shape {
        Shape::Json => return out,
        Shape::String => put("type", "string".into()),
        Shape::Number => put("type", "number".into()),
        Shape::Boolean => put("type", "boolean".into()),
        Shape::Integer => put("type", "integer".into()),
        Shape::Array(elements) | Shape::Set(elements) => {
            put("type", "array".into());
            put("items", field(&elements.as_ref().clone().required(), direction));
        }
        Shape::Map { keys, values } => {
            put("type", "object".into());
            put("additionalProperties", field(&values.as_ref().clone().required(), direction));
            put("propertyNames", field(&keys.as_ref().clone().required(), direction));
        }
        Shape::Foreign(target) => {
            put("type", "object".into());
            put("properties", reference(target, direction));
            match direction {
                Direction::Sent => put("minProperties", 1.into()),
                Direction::Shown => put("required", json!(["id"])),
            }
        }
        Shape::Record(below) => {
            put("type", "object".into());
            put("properties", properties(below, direction).into());
            if !rule.open && direction == Direction::Sent {
                put("additionalProperties", false.into());
            }
        }
    }
    if direction == Direction::Sent {
        match rule.shape {
            Shape::Integer => {
                put("minimum", (-EXACT).into());
                put("maximum", EXACT.into());
            }
            // Where the rules say otherwise they come later.
            Shape::String => put("minLength", 1.into()),
            Shape::Number
            | Shape::Boolean
            | Shape::Array(_)
            | Shape::Set(_)
            | Shape::Map { .. }
            | Shape::Record(_)
            | Shape::Foreign(_)
            | Shape::Json => {}
        }
    }
    out
}

/// A reference is by id; one that is sent may be by a unique key.
fn reference(target: &str, direction: Direction) -> Value {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({ "type": "string", "format": "uuid" }));
    if direction == Direction::Sent {
        let keys = kind(target).map(Kind::uniques).unwrap_or_default();
        // Beside an id they are not looked at, as in Kong; so their type cannot be said.
        let by = |key: &&str| (key.to_string(), json!({ "description": "In place of the id." }));
        properties.extend(keys.iter().map(by));
    }
    properties.into()
}

/// What a rule says that JSON Schema can say.
fn limit(rule: &Rule, out: &mut Map<String, Value>) {
    let measure = if out.get("type").is_some_and(|kind| kind == "string") { "Length" } else { "Items" };
    let mut put = |name: &str, value: Value| _ = out.insert(name.to_owned(), value);
    match rule {
        Rule::OneOf(values) => put("enum", values.clone().into()),
        Rule::NotOneOf(values) => put("not", json!({ "enum": values })),
        Rule::Ne(value) if !value.is_null() => put("not", json!({ "const": value })),
        Rule::Gt(least) => put("exclusiveMinimum", number(*least)),
        Rule::Lt(most) => put("exclusiveMaximum", number(*most)),
        Rule::AtLeast(least) => put("minimum", number(*least)),
        Rule::AtMost(most) => put("maximum", number(*most)),
        Rule::Timestamp => put("exclusiveMinimum", 0.into()),
        Rule::Uuid => put("format", "uuid".into()),
        Rule::Between(least, most) => {
            put("minimum", number(*least));
            put("maximum", number(*most));
        }
        Rule::LenEq(length) => {
            put(&format!("min{measure}"), (*length).into());
            put(&format!("max{measure}"), (*length).into());
        }
        Rule::LenMin(length) => put(&format!("min{measure}"), (*length).into()),
        Rule::LenMax(length) => put(&format!("max{measure}"), (*length).into()),
        Rule::StartsWith(prefix) => put("pattern", format!("^{}", regex::escape(prefix)).into()),
        Rule::Match(pattern) => put("pattern", anywhere(pattern).into()),
        Rule::MatchAny { patterns, err: _ } => {
            let any: Vec<String> = patterns.iter().map(anywhere).collect();
            put("pattern", any.join("|").into());
        }
        Rule::MatchAll(list) => {
            let all = list.iter().map(|(pattern, _)| json!({ "pattern": anywhere(pattern) }));
            put("allOf", all.collect());
        }
        Rule::MatchNone(list) => {
            let any: Vec<String> = list.iter().map(|(pattern, _)| anywhere(pattern)).collect();
            put("not", json!({ "pattern": any.join("|") }));
        }
        Rule::Contains(value) => put("contains", json!({ "const": value })),
        Rule::Eq(_)
        | Rule::Ne(_)
        | Rule::Text(_)
        | Rule::Whole(_)
        | Rule::Elements(_)
        | Rule::Exclusive(_)
        | Rule::Schema(_) => {}
    }
}

/// The pattern as ECMA 262 writes it.
fn anywhere(pattern: &Pattern) -> String {
    let text = pattern.expression().replace(r"\A", "^").replace(r"\z", "$");
    ["#", "&", "~"].iter().fold(text, |text, sign| text.replace(&format!(r"\{sign}"), sign))
}
