//! Files, and what becomes of them.

mod broken;
mod comparing;
mod good;
mod hostile;
mod schema;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Faults, PluginRules, Reading, Stored, read};
use crate::model::{Admitted, Document, Moment, PluginVersion, Record};

const NOW: i64 = 1_700_000_000;

/// Two plugins: one authenticates and has a default, the other wants a number.
fn plugins() -> PluginRules {
    let mut rules = PluginRules::default();
    for (name, schema) in [
        (
            "key-auth",
            json!({"type": "object", "properties": {
            "key_names": {"type": "array", "items": {"type": "string"}, "default": ["apikey"]}}}),
        ),
        (
            "rate-limiting",
            json!({"type": "object", "properties": {"minute": {"type": ["number", "null"], "exclusiveMinimum": 0}}}),
        ),
    ] {
        let version = PluginVersion {
            version: "1.0.0".to_owned(),
            digest: name.to_owned(),
            description: String::new(),
            config_schema: schema,
            phases: Vec::new(),
            capabilities: Vec::new(),
            default_priority: 1000,
            authenticates: name == "key-auth",
            instances: "reuse".to_owned(),
            cost: Value::Null,
            imports: Vec::new(),
            migrates: false,
            producers: Value::Null,
            signatures: Vec::new(),
            created_at: 0,
        };
        rules.add_bundled(&Admitted { name: name.to_owned(), version }).unwrap();
    }
    rules
}

fn read_on(text: &str, stored: &Stored, on_top: bool, now: i64) -> Result<Vec<Record>, Faults> {
    let plugins = plugins();
    let reading = Reading { plugins: &plugins, stored, adopt: on_top, on_top, now: Moment::from(now) };
    read(text, reading).map(|declared| declared.records)
}

fn read_alone(text: &str) -> Result<Vec<Record>, Faults> {
    read_on(text, &Stored::default(), false, NOW)
}

fn good(text: &str) -> Vec<Record> {
    read_alone(text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Documents by kind, as a database gives them.
fn documents(records: &[Record]) -> BTreeMap<String, Vec<Document>> {
    let mut all: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    for record in records {
        all.entry(record.kind.to_owned()).or_default().push(record.document.clone());
    }
    all
}

fn one<'a>(records: &'a [Record], kind: &str) -> &'a Record {
    records.iter().find(|record| record.kind == kind).unwrap_or_else(|| panic!("no {kind}"))
}
