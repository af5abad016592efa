//! What a write does to entities, as the audit log tells it: redacted, and bounded.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::Document;

/// Entities that one entry names.
const MOST_NAMED: usize = 1_000;
/// Entities that one entry shows, before and after.
const MOST_SHOWN: usize = 100;
/// Longest entity that is shown, in bytes of JSON.
const LONGEST_SHOWN: usize = 64 << 10;

/// An entity of this kind without its secrets.
pub type Redact = Arc<dyn Fn(&str, &Document) -> Document + Send + Sync>;

/// Who is written down for a write.
#[derive(Clone)]
pub struct Attribution {
    /// Who, when, how: the entry without the entities.
    pub entry: Document,
    /// What may be told of an entity.
    pub redact: Redact,
    /// The write is refused if it cannot be written down.
    pub is_required: bool,
}

impl fmt::Debug for Attribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribution").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// The entities that a write has changed so far.
pub(in crate::store) struct Observed {
    redact: Redact,
    told: Vec<Value>,
    count: usize,
    digest: Sha256,
}

impl Observed {
    pub(in crate::store) fn new(attribution: &Attribution) -> Self {
        let redact = Arc::clone(&attribution.redact);
        Self { redact, told: Vec::new(), count: 0, digest: Sha256::new() }
    }

    /// Notes one entity: what was done, and what it was and is.
    pub(in crate::store) fn note(
        &mut self,
        operation: &str,
        (kind, id): (&str, Uuid),
        before: Option<&Document>,
        after: Option<&Document>,
    ) {
        let redacted = |entity: &Document| Value::Object((self.redact)(kind, entity));
        let (before, after) = (before.map(redacted), after.map(redacted));
        let mut object = json!({ "operation": operation, "dao_name": kind, "entity_key": id });
        let whole = json!([object, before, after]).to_string();
        self.digest.update(whole.as_bytes());
        self.count += 1;
        if self.told.len() >= MOST_NAMED {
            return;
        }
        if let (Value::Object(object), true) = (&mut object, self.told.len() < MOST_SHOWN) {
            for (name, entity) in [("before", before), ("after", after)] {
                let shown = match entity {
                    Some(entity) if entity.to_string().len() > LONGEST_SHOWN => "too long".into(),
                    Some(entity) => entity,
                    None => Value::Null,
                };
                object.insert(name.to_owned(), shown);
            }
        }
        self.told.push(object);
    }

    /// The entry with what was done in it. `objects_digest` covers all of it, told or not.
    pub(in crate::store) fn complete(self, mut entry: Document) -> Document {
        let digest: String = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        entry.insert("objects_count".to_owned(), self.count.into());
        entry.insert("objects_digest".to_owned(), digest.into());
        entry.insert("objects".to_owned(), self.told.into());
        entry
    }
}
