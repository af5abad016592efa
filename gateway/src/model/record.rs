//! An entity as the store keeps it: its fields as JSON, and what must be found, linked or unique.
//!
//! The store knows no kind: everything that it must enforce is spelled out here by the kind's
//! description. It deliberately does not validate.

use serde_json::{Map, Value};
use uuid::Uuid;

/// The fields of one entity, as the Admin API prints them.
pub type Document = Map<String, Value>;

/// One entity, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Name of the kind in the plural: `services`, `keyauth_credentials`.
    pub kind: &'static str,
    /// Primary key.
    pub id: Uuid,
    /// All fields, `id` among them.
    pub document: Document,
    /// Values that no other entity of the kind may have.
    pub keys: Vec<UniqueKey>,
    /// Entities that this one refers to.
    pub links: Vec<Link>,
    /// Tags, for the filter of lists.
    pub tags: Vec<String>,
    /// Unix seconds after which the entity no longer exists.
    pub expires_at: Option<i64>,
}

/// A value that is unique within its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The field, or the fields joined by a comma for a composite key.
    pub field: &'static str,
    /// The value as text; a composite key joins its values in the order of the fields.
    pub value: String,
}

/// A reference to another entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The field that holds the reference: `service`.
    pub field: &'static str,
    /// The kind referred to: `services`.
    pub target: &'static str,
    /// The entity referred to.
    pub id: Uuid,
    /// What becomes of this entity when the other is deleted.
    pub on_delete: OnDelete,
}

/// What becomes of an entity when one that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The delete is refused.
    Restrict,
    /// This entity goes too.
    Cascade,
}
