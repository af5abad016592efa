//! The walk over an entity's values: types, rules, unknown keys, then the checks.
//!
//! It collects every violation. The entity must have been completed before, so that defaults are in
//! place; it deliberately changes nothing.

use serde_json::{Map, Value, json};

use super::check::{Writing, is_reference};
use super::field::{Field, Fields, REFERENCEABLE, Shape};
use super::record::Document;
use super::rule::{Rule, is_uuid};
use super::violations::{REQUIRED, UNKNOWN};
use crate::vault::Reference;

/// Integers beyond this are not exact in Kong's numbers, nor in ours once printed by a client.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// All that is wrong with `values`; empty when nothing is.
pub(super) fn fields(rules: &Fields, values: &Document, writing: Writing, free: &[&str]) -> Document {
    let mut errors = Document::new();
    for (name, rule) in &rules.list {
        if let Err(found) = field(rule, values.get(name.as_ref()).unwrap_or(&Value::Null), writing) {
            errors.insert(name.to_string(), found);
        }
    }
    for name in values.keys() {
        if rules.get(name).is_none() && !free.contains(&name.as_str()) {
            errors.insert(name.clone(), UNKNOWN.into());
        }
    }
    for check in &rules.checks {
        check.run(rules, values, writing, &mut errors);
    }
    errors
}

/// What is wrong with one value.
pub(super) fn field(rule: &Field, value: &Value, writing: Writing) -> Result<(), Value> {
    if value.is_null() {
        return null(rule).map_err(Value::String);
    }
    if rule.rules.iter().any(|rule| matches!(rule, Rule::Eq(Value::Null))) {
        return Err(rule.err.clone().unwrap_or_else(|| "value must be null".to_owned()).into());
    }
    typed(rule, value, writing)?;
    let text = |text: String| Value::String(rule.err.clone().unwrap_or(text));
    if matches!(rule.shape, Shape::String) && !allows_empty(rule) && value.as_str() == Some("") {
        return Err(text("length must be at least 1".to_owned()));
    }
    if rule.notes.contains(&REFERENCEABLE) && is_reference(value) {
        let parsed = Reference::parse(value.as_str().unwrap_or_default());
        return parsed.map(drop).map_err(|reason| format!("invalid reference: {reason}").into());
    }
    rule.rules.iter().try_for_each(|rule| rule.check(value)).map_err(text)
}

fn null(rule: &Field) -> Result<(), String> {
    rule.rules.iter().filter_map(Rule::check_null).collect::<Result<(), String>>()?;
    if rule.required { Err(REQUIRED.to_owned()) } else { Ok(()) }
}

/// A string may only be empty where the rules speak of its length.
fn allows_empty(rule: &Field) -> bool {
    rule.rules.iter().any(|rule| matches!(rule, Rule::LenMin(0)))
}

fn typed(rule: &Field, value: &Value, writing: Writing) -> Result<(), Value> {
    match &rule.shape {
        Shape::String => expect(value.is_string(), "expected a string"),
        Shape::Integer => expect(is_integer(value), "expected an integer"),
        Shape::Number => expect(value.is_number(), "expected a number"),
        Shape::Boolean => expect(value.is_boolean(), "expected a boolean"),
        Shape::Json => Ok(()),
        Shape::Array(elements) => list(elements, value, "expected an array", writing),
        Shape::Set(elements) => list(elements, value, "expected a set", writing),
        Shape::Map { keys, values } => map(keys, values, value, writing),
        Shape::Foreign(_) => reference(value),
        Shape::Record(below) => {
            let Some(map) = value.as_object() else {
                return Err("expected a record".into());
            };
            if rule.open {
                return Ok(());
            }
            let errors = fields(below, map, writing, &[]);
            if errors.is_empty() { Ok(()) } else { Err(Value::Object(errors)) }
        }
    }
}

fn expect(good: bool, text: &'static str) -> Result<(), Value> {
    if good { Ok(()) } else { Err(text.into()) }
}

/// Errors stand at the index of their element, with nulls before.
fn list(elements: &Field, value: &Value, wrong: &'static str, writing: Writing) -> Result<(), Value> {
    let Some(values) = value.as_array() else {
        return Err(wrong.into());
    };
    let mut errors = Vec::new();
    for (at, value) in values.iter().enumerate() {
        let found = if value.is_null() { Err(REQUIRED.into()) } else { field(elements, value, writing) };
        if let Err(found) = found {
            errors.resize(at, Value::Null);
            errors.push(found);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Value::Array(errors)) }
}

/// The first key or value that fails gives the one text for the whole map. A key that is none of a
/// closed set is named, as an unknown field of a record is: the text alone does not tell which it was.
fn map(keys: &Field, values: &Field, value: &Value, writing: Writing) -> Result<(), Value> {
    let Some(map) = value.as_object() else {
        return Err("expected a map".into());
    };
    let closed = keys.rules.iter().any(|rule| matches!(rule, Rule::OneOf(_)));
    for (key, value) in map {
        field(keys, &Value::String(key.clone()), writing)
            .map_err(|text| if closed { json!({ key.as_str(): text }) } else { text })?;
        let found = if value.is_null() { Err(REQUIRED.into()) } else { field(values, value, writing) };
        found?;
    }
    Ok(())
}

/// `{"id": "…"}`. Other keys beside the id are ignored, as in Kong.
fn reference(value: &Value) -> Result<(), Value> {
    let wrong = |text: &str| {
        let mut found = Map::new();
        found.insert("id".to_owned(), text.into());
        Err(Value::Object(found))
    };
    let Some(map) = value.as_object() else {
        return Err("expected a record".into());
    };
    match map.get("id") {
        None | Some(Value::Null) => wrong("missing primary key"),
        Some(Value::String(id)) if is_uuid(id) => Ok(()),
        Some(Value::String(_)) => wrong("expected a valid UUID"),
        Some(_) => wrong("expected a string"),
    }
}

fn is_integer(value: &Value) -> bool {
    if let Some(whole) = value.as_i64() {
        return whole.unsigned_abs() <= 1 << 53;
    }
    value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= EXACT)
}
