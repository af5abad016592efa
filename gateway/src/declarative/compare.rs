//! What has to be written so that a database holds what a file says.

use std::collections::HashSet;

use uuid::Uuid;

use super::stored::Stored;
use crate::model::{Document, Record};

/// How far a file speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of its own entities; others stay as they are.
    Named,
    /// Of everything: what is not in it goes.
    Whole,
}

/// The difference between a file and what is stored.
#[derive(Debug, Default)]
pub struct Plan {
    /// New entities.
    pub insert: Vec<Record>,
    /// Entities with other fields.
    pub replace: Vec<Record>,
    /// Entities that go: kind and id.
    pub remove: Vec<(&'static str, Uuid)>,
    /// Entities that are as the file says.
    pub unchanged: usize,
}

impl Plan {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entities are to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.insert.len() + self.replace.len() + self.remove.len()
    }
}

/// Compares the entities of a file with what is stored.
#[must_use]
pub fn compare(records: Vec<Record>, stored: &Stored, scope: Scope) -> Plan {
    let mut plan = Plan::default();
    if scope == Scope::Whole {
        let named: HashSet<(&str, Uuid)> = records.iter().map(|record| (record.kind, record.id)).collect();
        let going = stored.iter().filter(|record| !named.contains(&(record.kind, record.id)));
        plan.remove = going.map(|record| (record.kind, record.id)).collect();
        plan.remove.sort_unstable();
    }
    for record in records {
        match stored.get(record.kind, record.id) {
            None => plan.insert.push(record),
            Some(old) if same(&old.document, &record.document) => plan.unchanged += 1,
            Some(_) => plan.replace.push(record),
        }
    }
    plan
}

/// The gateway says when an entity changed, so that is no change by itself.
fn same(old: &Document, new: &Document) -> bool {
    let told = |document: &Document| document.keys().filter(|name| *name != "updated_at").count();
    told(old) == told(new)
        && new.iter().all(|(name, value)| name == "updated_at" || old.get(name) == Some(value))
}
