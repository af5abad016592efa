//! A plugin's JSON Schema as field rules, so that its configuration is validated, completed and printed
//! by the same engine as every other field.
//!
//! A schema comes from a plugin that nobody trusts yet: its size, depth, references and patterns are
//! bounded before anything is built from it. Remote references are deliberately not followed.

mod bounds;
mod checks;
mod convert;
mod unfold;

use serde_json::Value;

use super::complete;
use super::field::{Field, foreign, set, string};
use super::kind::Variant;
use super::kinds::PROTOCOLS;
use super::record::Document;
use super::rule::Rule;

/// Largest schema, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of a schema.
pub const MAX_DEPTH: usize = 32;

/// Why a schema was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {pointer})")]
pub struct SchemaFault {
    /// Machine-readable: `schema_too_large`, `schema_remote_ref`.
    pub reason: &'static str,
    /// Where in the schema, as an RFC 6901 pointer.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl SchemaFault {
    fn at(pointer: &str, reason: &'static str, message: impl Into<String>) -> Self {
        let pointer = if pointer.is_empty() { "#".to_owned() } else { pointer.to_owned() };
        Self { reason, pointer, message: message.into() }
    }
}

/// The rules of a plugin's `config`.
///
/// # Errors
///
/// The schema is beyond the limits, is not a schema, or cannot be turned into rules.
pub fn from_json_schema(schema: &Value) -> Result<Field, SchemaFault> {
    let mut field = rules(schema)?;
    let checks = checks::read(schema, "")?;
    if let Some(fields) = convert::record_mut(&mut field) {
        fields.checks.extend(checks);
    }
    Ok(field)
}

/// The rules that a plugin lays over an assignment: its `config`, its protocols, and the scopes that
/// it cannot have.
///
/// # Errors
///
/// As [`from_json_schema`].
pub fn plugin_rules(schema: &Value, authenticates: bool) -> Result<Variant, SchemaFault> {
    let config = rules(schema)?;
    let mut variant = Variant::default();
    let mut forbidden = forbidden_scopes(schema, authenticates)?;
    // Who is not known when the plugin runs is in no group either.
    if forbidden.contains(&"consumer") {
        forbidden.push("consumer_group");
    }
    for scope in forbidden {
        let target = ["consumers", "consumer_groups", "services", "routes"]
            .into_iter()
            .find(|kind| kind.strip_suffix('s') == Some(scope));
        let field = foreign(target.unwrap_or("routes")).rule(Rule::Eq(Value::Null));
        variant.fields.push((scope, field.default(Value::Null).cascade()));
    }
    variant.fields.push(("protocols", protocols(schema)?));
    variant.fields.push(("config", config));
    variant.checks = checks::read(schema, "config.")?;
    Ok(variant)
}

/// `config` with its defaults, if nothing in it is wrong in kind; for printing beside a schema.
#[must_use]
pub fn completed(rules: &Field, mut config: Document) -> Document {
    if let Some(fields) = rules.record() {
        complete::defaults(fields, &mut config);
    }
    config
}

fn rules(schema: &Value) -> Result<Field, SchemaFault> {
    admit(schema)?;
    let field = convert::Converter::new(schema).convert(schema, "")?;
    match field.record() {
        Some(_) => Ok(field.required()),
        None => Err(SchemaFault::at(
            "",
            "schema_not_an_object",
            "the configuration must be an object with properties",
        )),
    }
}

/// Kong's authentication plugins cannot be scoped to the consumer that they are yet to find.
fn forbidden_scopes(schema: &Value, authenticates: bool) -> Result<Vec<&'static str>, SchemaFault> {
    let Some(listed) = schema.get("x-forbidden-scopes") else {
        return Ok(if authenticates { vec!["consumer"] } else { Vec::new() });
    };
    let fault = || {
        let text = "x-forbidden-scopes is a list of consumer, service and route";
        SchemaFault::at("/x-forbidden-scopes", "schema_invalid", text)
    };
    listed
        .as_array()
        .ok_or_else(fault)?
        .iter()
        .map(|scope| {
            let known = ["consumer", "service", "route"];
            known.into_iter().find(|known| scope.as_str() == Some(known)).ok_or_else(fault)
        })
        .collect()
}

/// The protocols that an assignment may list; without `x-protocols` the http family.
fn protocols(schema: &Value) -> Result<Field, SchemaFault> {
    let family = ["grpc", "grpcs", "http", "https"];
    let fault = || SchemaFault::at("/x-protocols", "schema_invalid", "x-protocols is a list of protocols");
    let allowed: Vec<&'static str> = match schema.get("x-protocols") {
        None => family.to_vec(),
        Some(Value::Array(listed)) => {
            let known = |value: &Value| PROTOCOLS.into_iter().find(|known| value.as_str() == Some(known));
            listed.iter().map(|value| known(value).ok_or_else(fault)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(fault()),
    };
    let default: Vec<&str> = allowed.iter().copied().filter(|name| family.contains(name)).collect();
    Ok(set(string().one_of(&allowed)).default(default).required())
}

fn admit(schema: &Value) -> Result<(), SchemaFault> {
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        let text = format!("the schema has {bytes} bytes, at most {MAX_BYTES} are accepted");
        return Err(SchemaFault::at("", "schema_too_large", text));
    }
    bounded(schema, "", 0)?;
    jsonschema::draft202012::meta::validate(schema).map_err(|found| {
        SchemaFault::at(&found.instance_path().to_string(), "schema_invalid", found.to_string())
    })
}

fn bounded(node: &Value, pointer: &str, depth: usize) -> Result<(), SchemaFault> {
    if depth > MAX_DEPTH {
        let text = format!("the schema is nested deeper than {MAX_DEPTH}");
        return Err(SchemaFault::at(pointer, "schema_too_deep", text));
    }
    match node {
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            let remote = ["$ref", "$dynamicRef"].contains(&key.as_str())
                && value.as_str().is_some_and(|target| !target.starts_with('#'));
            if remote {
                return Err(SchemaFault::at(
                    &below,
                    "schema_remote_ref",
                    "only references within the schema are followed",
                ));
            }
            bounded(value, &below, depth + 1)
        }),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| bounded(value, &format!("{pointer}/{at}"), depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
