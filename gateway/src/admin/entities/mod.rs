//! The endpoints of every kind: list, create, show, upsert, update, delete, and the nested forms.
//!
//! One file a verb, and beside them what some kinds have: names of others (`listed.rs`), mentions. Nothing here knows a kind by name; what a kind does differently is said in its
//! description, or has an endpoint of its own.

mod create;
mod delete;
mod list;
mod listed;
mod lookup;
mod mentions;
mod show;
mod update;
mod upsert;

pub(super) use create::{create_entity, validate_entity};
pub(super) use delete::delete_entity;
pub(super) use list::{Paging, list_entities, page_size, read_all};
pub(super) use lookup::find_entity;
pub(super) use show::{below_parent, find_below, show_entity, show_parent};
pub(super) use update::{patch_parent, update_entity};
pub(super) use upsert::{put_parent, upsert_entity};

use uuid::Uuid;

use super::plugins::Ruled;
use super::state::AdminState;
use super::{ApiError, body::Sent};
use crate::model::{Document, Kind, Violations, id_of};

/// How often a write begins anew after somebody else's write came first.
const ATTEMPTS: usize = 4;

/// A reference that the path forces on the entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forced {
    pub(super) field: &'static str,
    pub(super) id: Uuid,
}

/// What was sent, with types, references found and the path's reference in place, and the rules for it.
async fn prepare(
    state: &AdminState,
    kind: &'static Kind,
    sent: &Sent,
    forced: Option<Forced>,
    stored: Option<&Document>,
) -> Result<(Document, Ruled), ApiError> {
    let mut named = stored.cloned().unwrap_or_default();
    named.extend(sent.document().clone());
    let ruled = state.rules(kind, &named).await?;
    let mut document = sent.document().clone();
    if matches!(sent, Sent::Form(_)) {
        ruled.kind.type_form(&mut document);
    }
    if let Some(forced) = forced {
        document.insert(forced.field.to_owned(), reference(forced.id));
    }
    lookup::resolve_references(state, kind, &mut document).await?;
    Ok((document, ruled))
}

/// What the path says goes over what the body says; that has to be valid all the same, or a slip of the
/// pen would be told to one client and not to the other.
fn check_overwritten(kind: &Kind, document: &Document, fields: &[&str]) -> Result<(), ApiError> {
    let mut wrong = Violations { fields: Document::new() };
    for field in fields.iter().copied() {
        let sent = document.get(field).filter(|value| !value.is_null());
        if let Some(Err(text)) = sent.map(|value| kind.check_value(field, value)) {
            wrong.add(field, text);
        }
    }
    if wrong.fields.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

fn reference(id: Uuid) -> serde_json::Value {
    serde_json::json!({ "id": id.to_string() })
}

/// The id of an entity that the store gave us.
pub(super) fn stored_id(document: &Document) -> Result<Uuid, ApiError> {
    id_of(document).ok_or_else(|| Violations::of("id", "expected a valid UUID").into())
}
