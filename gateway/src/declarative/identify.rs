//! Ids for entities that come without one: the same file gives the same ids on every node.
//!
//! As in Kong, an id is a UUID of version 5 over what tells the entity from its like: its endpoint
//! key, or the fields that are unique together. Where Kong would roll dice, the content decides.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::model::{Document, Kind, OnDelete};

/// Kong's, so that ids are the same there and here.
const NAMESPACE: Uuid = Uuid::from_u128(0xfd02_801f_0957_4a15_a55a_c8d9_606f_30b5);

/// Makes ids for the entities of one file.
#[derive(Default)]
pub(super) struct Ids {
    /// How often each content was there.
    seen: HashMap<Uuid, usize>,
}

impl Ids {
    /// The id of an entity as it was sent, below `parent` if it is nested.
    pub(super) fn make(&mut self, kind: &Kind, sent: &Document, parent: Option<(&str, Uuid)>) -> Uuid {
        let namespace = Uuid::new_v5(&NAMESPACE, kind.name.as_bytes());
        let of = |text: &str| Uuid::new_v5(&namespace, text.as_bytes());
        if let Some(key) = endpoint_key(kind, sent, parent).or_else(|| together(kind, sent, parent)) {
            return of(&key);
        }
        let content = content(sent, parent);
        let id = of(&content);
        let times = self.seen.entry(id).or_default();
        *times += 1;
        if *times == 1 { id } else { of(&format!("{content}#{times}")) }
    }
}

/// A key that is unique below a parent only counts together with that.
fn endpoint_key(kind: &Kind, sent: &Document, parent: Option<(&str, Uuid)>) -> Option<String> {
    let field = kind.endpoint_key?;
    let mut key = text(sent.get(field)?)?;
    if !kind.uniques().contains(&field) {
        for foreign in kind.foreigns().iter().filter(|foreign| foreign.on_delete == OnDelete::Cascade) {
            key.push(':');
            key.push_str(&part(sent, foreign.field, parent));
        }
    }
    Some(key)
}

fn together(kind: &Kind, sent: &Document, parent: Option<(&str, Uuid)>) -> Option<String> {
    let fields = kind.composites().first()?.fields;
    let parts: Vec<String> = fields.iter().map(|field| part(sent, field, parent)).collect();
    // The first field of a plugin is its name; without one there is nothing to tell it by.
    let is_told = parts.iter().any(|part| !part.is_empty())
        && fields.iter().zip(&parts).all(|(field, part)| {
            let is_reference = kind.foreigns().iter().any(|foreign| foreign.field == *field);
            is_reference || !part.is_empty()
        });
    is_told.then(|| parts.join(":"))
}

fn part(sent: &Document, field: &str, parent: Option<(&str, Uuid)>) -> String {
    match parent {
        Some((known, id)) if known == field => id.to_string(),
        Some(_) | None => sent.get(field).and_then(text).unwrap_or_default(),
    }
}

/// A text that is there, or what a reference says.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Object(map) => map.values().find_map(Value::as_str).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) => None,
    }
}

/// The fields in the order of their names, and the parent.
fn content(sent: &Document, parent: Option<(&str, Uuid)>) -> String {
    let mut fields: Vec<(&String, &Value)> = sent.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    let mut text = parent.map(|(_, id)| id.to_string()).unwrap_or_default();
    for (name, value) in fields {
        text.push_str(&format!("\n{name}={}", canonical(value)));
    }
    text
}

/// The same value with the fields of its records by name.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            fields.into_iter().map(|(name, value)| (name.clone(), canonical(value))).collect()
        }
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
