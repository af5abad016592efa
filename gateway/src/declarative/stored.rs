//! What a database holds already, found by id and by unique key.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::declared_kinds;
use crate::model::{Document, Record, kind};

/// Entities as they are stored.
#[derive(Debug, Default)]
pub struct Stored {
    kinds: HashMap<&'static str, OfKind>,
}

#[derive(Debug, Default)]
struct OfKind {
    records: HashMap<Uuid, Record>,
    keys: HashMap<&'static str, HashMap<String, Uuid>>,
}

impl OfKind {
    fn add(&mut self, record: Record) {
        for key in &record.keys {
            self.keys.entry(key.field).or_default().insert(key.value.clone(), record.id);
        }
        self.records.insert(record.id, record);
    }
}

impl Stored {
    /// From documents by kind. What has no id, which no store would take, is passed over.
    #[must_use]
    pub fn new(documents: BTreeMap<String, Vec<Document>>) -> Self {
        let mut stored = Self::default();
        for (name, documents) in documents {
            let Some(kind) = kind(&name) else { continue };
            let of_kind = stored.kinds.entry(kind.name).or_default();
            documents
                .into_iter()
                .filter_map(|document| kind.record(document).ok())
                .for_each(|record| of_kind.add(record));
        }
        stored
    }

    /// The entity with this id.
    #[must_use]
    pub fn get(&self, kind: &str, id: Uuid) -> Option<&Record> {
        self.kinds.get(kind)?.records.get(&id)
    }

    /// The entity that has this value of a unique key.
    #[must_use]
    pub fn owner(&self, kind: &str, field: &str, value: &str) -> Option<Uuid> {
        self.kinds.get(kind)?.keys.get(field)?.get(value).copied()
    }

    /// Whether nothing of this kind is there.
    #[must_use]
    pub fn is_empty(&self, kind: &str) -> bool {
        self.kinds.get(kind).is_none_or(|of_kind| of_kind.records.is_empty())
    }

    /// All entities that a file could hold, parents before children.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        declared_kinds()
            .filter_map(|kind| self.kinds.get(kind.name))
            .flat_map(|of_kind| of_kind.records.values())
    }
}
