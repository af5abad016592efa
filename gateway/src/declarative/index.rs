//! What the entities of one file are found by, and what none of them may have twice.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::model::{Document, Kind, Record};

/// The entities of a file so far.
#[derive(Default)]
pub(super) struct Index {
    ids: HashMap<(&'static str, Uuid), usize>,
    names: HashMap<&'static str, HashMap<String, Uuid>>,
    keys: HashMap<(&'static str, &'static str), HashMap<String, usize>>,
}

impl Index {
    /// Makes an entity known to those that refer to it; also one that will turn out to be wrong, so
    /// that its children are not blamed for it.
    pub(super) fn name(&mut self, kind: &'static Kind, sent: &Document, id: Uuid, at: usize) {
        self.ids.entry((kind.name, id)).or_insert(at);
        let fields = kind.uniques().iter().chain(kind.endpoint_key.as_ref());
        for text in fields.filter_map(|field| sent.get(*field).and_then(Value::as_str)) {
            self.names.entry(kind.name).or_default().entry(text.to_owned()).or_insert(id);
        }
    }

    pub(super) fn by_name(&self, kind: &str, text: &str) -> Option<Uuid> {
        self.names.get(kind)?.get(text).copied()
    }

    pub(super) fn has(&self, kind: &'static str, id: Uuid) -> bool {
        self.ids.contains_key(&(kind, id))
    }

    /// What an entity has that another before it has too, in Kong's words.
    pub(super) fn claim(&mut self, record: &Record, at: usize) -> Result<(), String> {
        let taken = |what: &str, value: &str| {
            let kind = record.kind;
            format!("uniqueness violation: '{kind}' entity with {what} set to '{value}' already declared")
        };
        for key in &record.keys {
            let owners = self.keys.entry((record.kind, key.field)).or_default();
            if *owners.entry(key.value.clone()).or_insert(at) != at {
                return Err(taken(key.field, &key.value));
            }
        }
        match self.ids.get(&(record.kind, record.id)) {
            Some(owner) if *owner != at => Err(taken("primary key", &record.id.to_string())),
            Some(_) | None => Ok(()),
        }
    }
}
