//! From what was sent to entities as the store keeps them.
//!
//! Kind by kind, parents first: each entity gets its parent and its id, what it names is looked for in
//! the file and, where that is wished, among what is stored; then the kind's own rules are asked.
//! Nothing stops at the first fault.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::fault::{Faults, FaultyEntity, Found};
use super::flatten::{Flat, flatten, reference};
use super::identify::Ids;
use super::index::Index;
use super::lines::Lines;
use super::plugins::{PluginRules, Ruling};
use super::stored::Stored;
use super::{declared_kinds, protocols, text};
use crate::model::{Document, Kind, Moment, Record, Violations, held_plugin, id_of, is_uuid, kind};

/// What a file is read against.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The plugins that assignments may name.
    pub plugins: &'a PluginRules,
    /// What is stored already; values that the gateway made are taken over from it.
    pub stored: &'a Stored,
    /// An entity without an id is the stored one of the same unique key, if there is one.
    pub adopt: bool,
    /// The file comes on top of what is stored: it may refer to that, and no key may be taken there.
    pub on_top: bool,
    /// The moment at which entities are made.
    pub now: Moment,
}

/// A file that is right.
pub struct Declared {
    /// Its entities, parents before children.
    pub records: Vec<Record>,
    flat: Flat,
    /// The item of each record.
    items: Vec<usize>,
}

impl Declared {
    /// What somebody else finds wrong with records, by their places, as faults of the file `text`.
    #[must_use]
    pub fn faults(&self, wrong: Vec<(usize, Violations)>, text: &str) -> Faults {
        let found = wrong.into_iter().filter_map(|(at, violations)| {
            let (record, item) = (self.records.get(at)?, self.items.get(at)?);
            let entity = FaultyEntity { kind: record.kind, sent: record.document.clone() };
            let (path, what) = (self.flat.path(*item), Value::Object(violations.fields));
            Some(Found { path, what, entity: Some(entity) })
        });
        Faults::of(found.collect(), Lines::of(text).as_ref())
    }
}

/// Reads a file.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read(text: &str, reading: Reading<'_>) -> Result<Declared, Faults> {
    let value = text::parse(text).map_err(|error| Faults::unreadable(error.line, &error.message))?;
    let flat = flatten(value).ok_or_else(|| Faults::unreadable(None, "expected an object"))?;
    let mut work = Work::new(flat, reading);
    for kind in declared_kinds() {
        for at in work.of_kind.remove(kind.name).unwrap_or_default() {
            if let Err(what) = work.complete(kind, at) {
                work.blame(at, what);
            }
        }
    }
    work.check_as_a_whole();
    if work.flat.found.is_empty() {
        return Ok(Declared { records: work.records, flat: work.flat, items: work.items });
    }
    Err(Faults::of(work.flat.found, Lines::of(text).as_ref()))
}

struct Work<'a> {
    flat: Flat,
    reading: Reading<'a>,
    /// Places of items by kind.
    of_kind: HashMap<&'static str, Vec<usize>>,
    ids: Vec<Uuid>,
    maker: Ids,
    index: Index,
    records: Vec<Record>,
    /// The item of each record.
    items: Vec<usize>,
}

impl<'a> Work<'a> {
    fn new(flat: Flat, reading: Reading<'a>) -> Self {
        let mut of_kind: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (at, item) in flat.items.iter().enumerate() {
            of_kind.entry(item.kind.name).or_default().push(at);
        }
        Self {
            ids: vec![Uuid::nil(); flat.items.len()],
            flat,
            reading,
            of_kind,
            maker: Ids::default(),
            index: Index::default(),
            records: Vec::new(),
            items: Vec::new(),
        }
    }

    fn blame(&mut self, at: usize, what: Value) {
        let path = self.flat.path(at);
        let entity = self.flat.items.get(at).map(|item| {
            let sent = self.records_document(at).unwrap_or_else(|| item.sent.clone());
            FaultyEntity { kind: item.kind.name, sent }
        });
        self.flat.found.push(Found { path, what, entity });
    }

    /// The document of an item that was right by itself; what it was sent as is gone then.
    fn records_document(&self, at: usize) -> Option<Document> {
        let found = self.items.iter().position(|item| *item == at)?;
        self.records.get(found).map(|record| record.document.clone())
    }

    /// Makes a record of an item. Gives what is wrong: a text, or texts by field.
    fn complete(&mut self, kind: &'static Kind, at: usize) -> Result<(), Value> {
        let Some(item) = self.flat.items.get_mut(at) else { return Ok(()) };
        let mut sent = std::mem::take(&mut item.sent);
        let parent = item.parent.and_then(|(parent, field)| Some((field, *self.ids.get(parent)?)));
        let made = self.maker.make(kind, &sent, parent);
        if let Some((field, id)) = parent {
            sent.insert(field.to_owned(), reference(id));
        }
        let unresolved = self.resolve(kind, &mut sent);
        let ruled = self.ruling(kind, &sent);
        let id = self.identity(ruled.as_ref().ok(), &mut sent, made);
        if let Some(place) = self.ids.get_mut(at) {
            *place = id;
        }
        self.index.name(kind, &sent, id, at);
        let outcome = match ruled {
            Ok(ruling) => self.create(&ruling, sent.clone(), id),
            Err(violations) => Err(violations.fields),
        };
        match outcome {
            Ok(record) if unresolved.is_empty() => {
                self.index.claim(&record, at).map_err(|text| {
                    self.remember(at, sent);
                    Value::String(text)
                })?;
                self.records.push(record);
                self.items.push(at);
                Ok(())
            }
            outcome => {
                let mut fields = outcome.err().unwrap_or_default();
                fields.extend(unresolved);
                self.remember(at, sent);
                Err(Value::Object(fields))
            }
        }
    }

    /// What was sent is told again with its faults.
    fn remember(&mut self, at: usize, sent: Document) {
        if let Some(item) = self.flat.items.get_mut(at) {
            item.sent = sent;
        }
    }

    /// Replaces names of other entities by their ids. Gives a text for each that is nobody's.
    fn resolve(&self, kind: &Kind, sent: &mut Document) -> Document {
        let mut unresolved = Document::new();
        for foreign in kind.foreigns() {
            let Some(value) = sent.get_mut(foreign.field) else { continue };
            let found = match &*value {
                Value::Null => continue,
                Value::String(name) => self.find(foreign.target, name),
                Value::Object(map) => match id_of(map) {
                    Some(id) => self.exists(foreign.target, id).then_some(id),
                    None if map.contains_key("id") => continue,
                    None => {
                        map.values().find_map(Value::as_str).and_then(|name| self.find(foreign.target, name))
                    }
                },
                // The kind's rules say what is wrong with it.
                Value::Bool(_) | Value::Number(_) | Value::Array(_) => continue,
            };
            match found {
                Some(id) => *value = reference(id),
                None => {
                    let name = match &*value {
                        Value::Object(map) => map.values().find_map(Value::as_str).unwrap_or_default(),
                        Value::String(name) => name,
                        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => "",
                    };
                    let (field, target) = (foreign.field, foreign.target);
                    let text = format!("invalid reference '{field}: {name}' (no such entity in '{target}')");
                    unresolved.insert(field.to_owned(), text.into());
                }
            }
        }
        unresolved
    }

    /// An id, or else a name.
    fn find(&self, target: &'static str, text: &str) -> Option<Uuid> {
        let id = is_uuid(text).then(|| text.parse().ok()).flatten().filter(|id| self.exists(target, *id));
        let stored = || {
            let kind = kind(target).filter(|_| self.reading.on_top)?;
            let fields = kind.uniques().iter().chain(kind.endpoint_key.as_ref());
            fields.copied().find_map(|field| self.reading.stored.owner(target, field, text))
        };
        id.or_else(|| self.index.by_name(target, text)).or_else(stored)
    }

    fn exists(&self, target: &'static str, id: Uuid) -> bool {
        self.index.has(target, id) || (self.reading.on_top && self.reading.stored.get(target, id).is_some())
    }

    /// The rules for an entity; for an assignment those of its plugin.
    fn ruling(&self, kind: &'static Kind, sent: &Document) -> Result<Ruling<'a>, Violations> {
        match kind.given_by().and_then(|field| sent.get(field)?.as_str()) {
            None => Ok(Ruling { kind, upload: None }),
            Some(name) => self.reading.plugins.of(name).ok_or_else(|| kind.unknown_variant(name)),
        }
    }

    /// Gives the entity its id: the one that was sent, that of the stored entity with the same key,
    /// or the one that was made. An id that is none is left for the rules to refuse.
    fn identity(&self, ruling: Option<&Ruling<'_>>, sent: &mut Document, made: Uuid) -> Uuid {
        match sent.get("id") {
            None | Some(Value::Null) => {}
            Some(_) => return id_of(sent).unwrap_or(made),
        }
        sent.insert("id".to_owned(), made.to_string().into());
        let id = ruling.and_then(|ruling| self.stored_as(ruling, sent)).unwrap_or(made);
        sent.insert("id".to_owned(), id.to_string().into());
        id
    }

    fn stored_as(&self, ruling: &Ruling<'_>, sent: &Document) -> Option<Uuid> {
        let (kind, stored) = (ruling.kind, self.reading.stored);
        if !self.reading.adopt || stored.is_empty(kind.name) {
            return None;
        }
        // The keys are those of the completed entity: a target has its port then.
        let entity = kind.create_as_kept(sent.clone(), self.reading.now).ok()?;
        let record = kind.record(entity).ok()?;
        record.keys.iter().find_map(|key| stored.owner(kind.name, key.field, &key.value))
    }

    fn create(&self, ruling: &Ruling<'_>, mut sent: Document, id: Uuid) -> Result<Record, Document> {
        let kind = ruling.kind;
        let kept = self.take_over(kind, &mut sent, id);
        // A value that was taken over is in its final form.
        let created = match self.flat.transform && !kept {
            true => kind.create(sent, self.reading.now),
            false => kind.create_as_kept(sent, self.reading.now),
        };
        let mut entity = created.map_err(|violations| violations.fields)?;
        if let Some(listed) = kind.listed {
            entity.remove(listed.field);
        }
        let mut record = kind.record(entity).map_err(|violations| violations.fields)?;
        record.links.extend(ruling.upload.map(held_plugin));
        Ok(record)
    }

    /// Puts what the gateway made for the stored entity where nothing was sent. Says whether a
    /// secret is among it.
    fn take_over(&self, kind: &Kind, sent: &mut Document, id: Uuid) -> bool {
        let Some(stored) = self.reading.stored.get(kind.name, id) else { return false };
        let mut secret = false;
        for field in kind.generated().filter(|field| !["id", "updated_at"].contains(field)) {
            if sent.get(field).is_some_and(|value| !value.is_null()) {
                continue;
            }
            if let Some(value) = stored.document.get(field).filter(|value| !value.is_null()) {
                secret |= field != "created_at";
                sent.insert(field.to_owned(), value.clone());
            }
        }
        secret
    }

    /// What needs all entities: protocols of assignments, keys that stored entities have.
    fn check_as_a_whole(&mut self) {
        let mut wrong: Vec<(usize, Value)> = protocols::check(&self.records, self.reading.stored)
            .into_iter()
            .map(|(at, text)| (at, Value::Object(Violations::of("protocols", text).fields)))
            .collect();
        if self.reading.on_top {
            for (at, record) in self.records.iter().enumerate() {
                wrong.extend(self.taken(record).map(|text| (at, Value::String(text))));
            }
        }
        for (at, what) in wrong {
            if let Some(item) = self.items.get(at) {
                self.blame(*item, what);
            }
        }
    }

    /// A key that a stored entity has and keeps.
    fn taken(&self, record: &Record) -> Option<String> {
        let kind = record.kind;
        let taken = record.keys.iter().find(|key| {
            let owner = self.reading.stored.owner(kind, key.field, &key.value);
            owner.is_some_and(|owner| owner != record.id && !self.index.has(kind, owner))
        })?;
        let (field, value) = (taken.field, &taken.value);
        Some(format!("uniqueness violation: '{kind}' entity with {field} set to '{value}' already exists"))
    }
}
