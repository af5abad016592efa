//! PUT: replace, or create under the key of the path.

use axum::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::listed::{owner, writes};
use super::lookup::{Segment, segment};
use super::show::referred;
use super::{ATTEMPTS, Forced, check_overwritten, prepare, stored_id};
use crate::admin::answer::Answer;
use crate::admin::body::Sent;
use crate::admin::error::ApiError;
use crate::admin::plugins::Ruled;
use crate::admin::state::AdminState;
use crate::model::{Document, Foreign, Kind, Listed, is_uuid, kind};
use crate::store::{Change, Lookup, StoreError};

/// Replaces the entity that the path names as a whole, or makes it.
pub(in crate::admin) async fn upsert_entity(
    state: &AdminState,
    kind: &'static Kind,
    text: &str,
    sent: Sent,
    forced: Option<Forced>,
) -> Result<Answer, ApiError> {
    let (mut document, ruled) = prepare(state, kind, &sent, forced, None).await?;
    let segment = match kind.listed.filter(|_| !is_uuid(text)) {
        Some(listed) => named(state, listed, text, &mut document).await?,
        None => segment(state, kind, text, forced).await?,
    };
    check_overwritten(&ruled.kind, &document, &["id", segment.field])?;
    document.insert(segment.field.to_owned(), Value::String(segment.value.clone()));
    for _ in 0..ATTEMPTS {
        let stored = state.store.whole().find(kind.name, &segment.lookup).await?;
        if stored.as_ref().is_some_and(|stored| !state.store.sees(kind.name, stored)) {
            let text = format!("another entity of '{}' has this {}", kind.name, segment.field);
            return Err(ApiError::message(StatusCode::FORBIDDEN, text));
        }
        if segment.field != "id" {
            match &stored {
                Some(stored) => _ = document.insert("id".to_owned(), stored_id(stored)?.to_string().into()),
                None => _ = document.remove("id"),
            }
        }
        let entity = write(state, &ruled, (document.clone(), segment.field), stored.is_some()).await?;
        if let Some(entity) = entity {
            return Ok(Answer::ok(state.shown(kind, entity).await?));
        }
    }
    Err(StoreError::Changed { kind: kind.name.to_owned(), id: Uuid::nil() }.into())
}

/// `None` if the entity came or went since it was looked for.
async fn write(
    state: &AdminState,
    ruled: &Ruled,
    (document, by): (Document, &str),
    exists: bool,
) -> Result<Option<Document>, ApiError> {
    let mut entity = ruled.kind.create(document, state.moment())?;
    if let Some(plugin) = &ruled.plugin {
        state.check_protocols(&entity).await?;
        state.check(plugin, &entity).await?;
    }
    state.writable("create or update", &ruled.kind, Some(by))?;
    let change = if exists { Change::Replace } else { Change::Insert };
    let changes = writes(state, ruled, &mut entity, false, change).await?;
    match state.store.write(changes).await {
        Ok(_) => Ok(Some(entity)),
        Err(StoreError::NotFound { .. }) if exists => Ok(None),
        Err(StoreError::Conflict { field, .. }) if !exists && field == "id" => Ok(None),
        Err(error) => Err(ApiError::of_write(error, &ruled.kind, &entity)),
    }
}

/// A path that names an entity by one of the names in it. One that is nobody's is given to a new entity.
async fn named(
    state: &AdminState,
    listed: Listed,
    text: &str,
    document: &mut Document,
) -> Result<Segment, ApiError> {
    let id = match owner(state, listed, text).await? {
        Some(id) => id,
        None => {
            let names = document.entry(listed.field).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(names) = names.as_array_mut().filter(|names| !names.iter().any(|name| name == text)) {
                names.push(text.into());
            }
            Uuid::new_v4()
        }
    };
    Ok(Segment::of_id(id))
}

/// Replaces the entity that a child refers to; if it refers to none, makes one and associates it.
pub(in crate::admin) async fn put_parent(
    state: &AdminState,
    child: &'static Kind,
    foreign: Foreign,
    text: &str,
    sent: Sent,
) -> Result<Answer, ApiError> {
    let parent = kind(foreign.target).ok_or(ApiError::NotFound)?;
    let (found, id) = referred(state, child, foreign, text).await?;
    if let Some(id) = id {
        return upsert_entity(state, parent, &id.to_string(), sent, None).await;
    }
    let (document, ruled) = prepare(state, parent, &sent, None, None).await?;
    let mut made = ruled.kind.create(document, state.moment())?;
    state.writable("create or update", parent, None)?;
    let id = stored_id(&made)?;
    let rules = state.rules(child, &found).await?;
    let mut link = Document::new();
    link.insert(foreign.field.to_owned(), super::reference(id));
    let changed = rules.kind.update(&found, link, state.moment())?;
    let stored = state.store.find_versioned(child.name, &Lookup::Id(stored_id(&found)?)).await?;
    let unchanged_since = stored.ok_or(ApiError::NotFound)?.revision;
    let mut changes = writes(state, &ruled, &mut made, false, Change::Insert).await?;
    changes.push(Change::ReplaceIf { record: rules.record(changed)?, unchanged_since });
    state.store.write(changes).await.map_err(|error| ApiError::of_write(error, parent, &made))?;
    Ok(Answer::ok(state.shown(parent, made).await?))
}
