//! All that is wrong with a file, as people read it and as Kong's clients do.

use std::fmt;

use serde_json::{Map, Value, json};

use super::lines::Lines;
use crate::model::{Document, lua_table};

/// One step of a path into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a record.
    Key(String),
    /// Into a list, counted from 0.
    At(usize),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `services[2].routes[0].paths[0]`. Empty for the whole.
    pub path: String,
    /// The line in the text, if the text tells it.
    pub line: Option<u64>,
    /// What.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a file; never empty.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Faults {
    /// One by one, in the order of the file.
    pub list: Vec<Fault>,
    tables: Box<Tables>,
}

/// The same as Kong's clients read it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tables {
    /// Nested as the file is, lists with holes.
    fields: Document,
    /// What is left of it when the faults of entities are told one by one.
    rest: Document,
    /// Kong's `flattened_errors`.
    flattened: Vec<Value>,
}

/// What is wrong with one entity or one place, before lines are known.
pub(super) struct Found {
    pub(super) path: Vec<Step>,
    /// A text, or texts by field.
    pub(super) what: Value,
    /// The entity, if it is one.
    pub(super) entity: Option<FaultyEntity>,
}

/// An entity as `flattened_errors` tells of it.
pub(super) struct FaultyEntity {
    pub(super) kind: &'static str,
    pub(super) sent: Document,
}

impl Faults {
    /// A text that cannot be read at all.
    pub(super) fn unreadable(line: Option<u64>, message: &str) -> Self {
        let text = format!("failed parsing declarative configuration: {message}");
        let mut fields = Document::new();
        fields.insert("error".to_owned(), text.into());
        let list = vec![Fault { path: String::new(), line, message: message.to_owned() }];
        let tables = Tables { rest: fields.clone(), fields, flattened: Vec::new() };
        Self { list, tables: Box::new(tables) }
    }

    /// Puts together what was found. `lines` is asked for the line of each.
    pub(super) fn of(found: Vec<Found>, lines: Option<&Lines>) -> Self {
        let (mut list, mut tables) = (Vec::new(), Tables::default());
        for Found { path, what, entity } in found {
            let mut told = Vec::new();
            leaves(&mut path.clone(), &what, &mut told);
            for (path, message) in &told {
                let line = lines.and_then(|lines| lines.find(path));
                list.push(Fault { path: written(path), line, message: message.clone() });
            }
            match entity {
                Some(entity) => tables.flattened.push(flat(&entity, &what)),
                None => put(&mut tables.rest, &path, what.clone()),
            }
            put(&mut tables.fields, &path, what);
        }
        // Those whose line nobody knows come first; the others in the order of the file.
        list.sort_by_key(|fault: &Fault| fault.line);
        Self { list, tables: Box::new(tables) }
    }

    /// Kong's sentence.
    #[must_use]
    pub fn message(&self) -> String {
        format!("declarative config is invalid: {}", lua_table(&self.tables.fields))
    }

    /// Kong's body, with the faults of entities one by one if `flatten`.
    #[must_use]
    pub fn body(&self, flatten: bool) -> Value {
        let mut body = json!({
            "code": 14,
            "name": "invalid declarative configuration",
            "message": self.message(),
            "fields": if flatten { &self.tables.rest } else { &self.tables.fields },
            "faults": self.list.iter().map(shown).collect::<Vec<_>>(),
        });
        if let (true, Some(body)) = (flatten, body.as_object_mut()) {
            body.insert("flattened_errors".to_owned(), self.tables.flattened.clone().into());
        }
        body
    }

    fn sentence(&self) -> String {
        let lines: Vec<String> = self.list.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

fn shown(fault: &Fault) -> Value {
    json!({ "path": fault.path, "line": fault.line, "message": fault.message })
}

/// Each text in `what`, with its path.
fn leaves(path: &mut Vec<Step>, what: &Value, told: &mut Vec<(Vec<Step>, String)>) {
    match what {
        Value::String(text) => told.push((path.clone(), text.clone())),
        Value::Array(list) => {
            for (at, below) in list.iter().enumerate() {
                path.push(Step::At(at));
                leaves(path, below, told);
                path.pop();
            }
        }
        Value::Object(map) => {
            for (key, below) in map {
                if key == "@entity" {
                    let texts = below.as_array().into_iter().flatten().filter_map(Value::as_str);
                    told.extend(texts.map(|text| (path.clone(), text.to_owned())));
                    continue;
                }
                path.push(Step::Key(key.clone()));
                leaves(path, below, told);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `services[2].routes[0].paths[0]`.
fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::At(at) => text.push_str(&format!("[{at}]")),
        }
    }
    text
}

/// Puts `what` at a path, with nulls before it in lists. A fault of a child stands beside its
/// parent's; where the parent has a text instead of fields, the text stays.
fn put(fields: &mut Document, path: &[Step], what: Value) {
    let Some((Step::Key(key), rest)) = path.split_first() else {
        merge_into(fields, what);
        return;
    };
    let entry = fields.entry(key.clone()).or_insert(Value::Null);
    put_value(entry, rest, what);
}

fn put_value(place: &mut Value, path: &[Step], what: Value) {
    match path.split_first() {
        None => match (place, what) {
            (Value::Object(old), Value::Object(new)) => old.extend(new),
            (place @ Value::Null, what) => *place = what,
            (_, _) => {}
        },
        Some((Step::Key(_), _)) => {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(map) = place {
                put(map, path, what);
            }
        }
        Some((Step::At(at), rest)) => {
            if place.is_null() {
                *place = Value::Array(Vec::new());
            }
            if let Value::Array(list) = place {
                if list.len() <= *at {
                    list.resize(*at + 1, Value::Null);
                }
                if let Some(place) = list.get_mut(*at) {
                    put_value(place, rest, what);
                }
            }
        }
    }
}

fn merge_into(fields: &mut Document, what: Value) {
    match what {
        Value::Object(map) => fields.extend(map),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            fields.insert("error".to_owned(), other);
        }
    }
}

/// One element of `flattened_errors`.
fn flat(FaultyEntity { kind, sent }: &FaultyEntity, what: &Value) -> Value {
    let wrong = |field: &str| what.get(field).is_some();
    let mut out = Map::new();
    out.insert("entity_type".to_owned(), kind.strip_suffix('s').unwrap_or(kind).into());
    for (name, field) in [("entity_id", "id"), ("entity_name", "name"), ("entity_tags", "tags")] {
        if let Some(value) = sent.get(field).filter(|value| !value.is_null() && !wrong(field)) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    out.insert("entity".to_owned(), sent.clone().into());
    let mut errors = Vec::new();
    flat_errors(String::new(), what, &mut errors);
    out.insert("errors".to_owned(), errors.into());
    Value::Object(out)
}

/// Places in lists are counted from 1, as everywhere in Kong's texts.
fn flat_errors(field: String, what: &Value, errors: &mut Vec<Value>) {
    let below = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    match what {
        Value::String(text) if field.is_empty() => errors.push(json!({ "type": "entity", "message": text })),
        Value::String(text) => errors.push(json!({ "type": "field", "field": field, "message": text })),
        Value::Array(list) => {
            let holes = list.iter().enumerate();
            holes.for_each(|(at, what)| flat_errors(below(&(at + 1).to_string()), what, errors));
        }
        Value::Object(map) => {
            for (name, what) in map {
                if name == "@entity" {
                    let texts = what.as_array().into_iter().flatten();
                    errors.extend(texts.map(|text| json!({ "type": "entity", "message": text })));
                } else {
                    flat_errors(below(name), what, errors);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
