//! GET of one entity, alone or below its parent.

use uuid::Uuid;

use super::lookup::find_entity;
use super::{Forced, stored_id};
use crate::admin::answer::Answer;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::model::{Document, Foreign, Kind, id_of, kind};
use crate::store::Lookup;

/// The entity that a path segment names; below a parent only if it belongs to it.
pub(in crate::admin) async fn show_entity(
    state: &AdminState,
    kind: &'static Kind,
    text: &str,
    below: Option<Forced>,
) -> Result<Answer, ApiError> {
    let found = find_below(state, kind, text, below).await?;
    Ok(Answer::ok(state.shown(kind, found).await?))
}

/// The same, as the store has it.
pub(in crate::admin) async fn find_below(
    state: &AdminState,
    kind: &'static Kind,
    text: &str,
    below: Option<Forced>,
) -> Result<Document, ApiError> {
    let found = find_entity(state, kind, text, below).await?.ok_or(ApiError::NotFound)?.document;
    if belongs(&found, below) { Ok(found) } else { Err(ApiError::NotFound) }
}

/// The entity that a child refers to.
pub(in crate::admin) async fn show_parent(
    state: &AdminState,
    child: &'static Kind,
    foreign: Foreign,
    text: &str,
) -> Result<Answer, ApiError> {
    let (_, id) = referred(state, child, foreign, text).await?;
    let id = id.ok_or(ApiError::NotFound)?;
    let parent = kind(foreign.target).ok_or(ApiError::NotFound)?;
    let found = state.store.find(parent.name, &Lookup::Id(id)).await?.ok_or(ApiError::NotFound)?;
    Ok(Answer::ok(state.shown(parent, found).await?))
}

/// A child, and the id that its reference holds.
pub(super) async fn referred(
    state: &AdminState,
    child: &'static Kind,
    foreign: Foreign,
    text: &str,
) -> Result<(Document, Option<Uuid>), ApiError> {
    let found = find_entity(state, child, text, None).await?.ok_or(ApiError::NotFound)?.document;
    let id = found.get(foreign.field).and_then(|value| id_of(value.as_object()?));
    Ok((found, id))
}

/// The parent that a path names, as the reference it forces on its children.
pub(in crate::admin) async fn below_parent(
    state: &AdminState,
    parent: &'static Kind,
    foreign: Foreign,
    text: &str,
) -> Result<Forced, ApiError> {
    let found = find_entity(state, parent, text, None).await?.ok_or(ApiError::NotFound)?;
    Ok(Forced { field: foreign.field, id: stored_id(&found.document)? })
}

/// Whether an entity has the reference that the path demands.
pub(super) fn belongs(entity: &Document, below: Option<Forced>) -> bool {
    below.is_none_or(|below| {
        entity.get(below.field).and_then(|value| id_of(value.as_object()?)) == Some(below.id)
    })
}
