//! PATCH: what was sent is laid over what is stored.

use uuid::Uuid;

use super::listed::writes;
use super::lookup::segment;
use super::show::{belongs, referred};
use super::{ATTEMPTS, Forced, check_overwritten, prepare, stored_id};
use crate::admin::answer::Answer;
use crate::admin::body::Sent;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::model::{Document, Foreign, Kind, kind};
use crate::store::{Change, StoreError, Versioned};

/// Changes the fields that were sent. Writes that come between begin it anew, so none is lost.
pub(in crate::admin) async fn update_entity(
    state: &AdminState,
    kind: &'static Kind,
    text: &str,
    sent: Sent,
    below: Option<Forced>,
) -> Result<Answer, ApiError> {
    let segment = segment(state, kind, text, below).await?;
    for _ in 0..ATTEMPTS {
        let found = state.store.find_versioned(kind.name, &segment.lookup).await?;
        let Some(found) = found else {
            let plain = below.is_some() || kind.given_by().is_some();
            return Err(if plain {
                ApiError::NotFound
            } else {
                ApiError::missing(segment.field, &segment.value)
            });
        };
        if !belongs(&found.document, below) {
            return Err(ApiError::NotFound);
        }
        if let Some(entity) = write(state, kind, (&sent, segment.field), &found).await? {
            return Ok(Answer::ok(state.shown(kind, entity).await?));
        }
    }
    Err(StoreError::Changed { kind: kind.name.to_owned(), id: Uuid::nil() }.into())
}

/// `None` if somebody else wrote the entity since it was read.
async fn write(
    state: &AdminState,
    kind: &'static Kind,
    (sent, by): (&Sent, &str),
    found: &Versioned,
) -> Result<Option<Document>, ApiError> {
    let stored = &found.document;
    let (mut document, ruled) = prepare(state, kind, sent, None, Some(stored)).await?;
    check_overwritten(kind, &document, &["id"])?;
    document.insert("id".to_owned(), stored_id(stored)?.to_string().into());
    let keep_names = kind.listed.is_none_or(|listed| !document.contains_key(listed.field));
    let mut entity = ruled.kind.update(stored, document, state.moment())?;
    if ruled.plugin.is_some() {
        state.check_protocols(&entity).await?;
    }
    // A component that cannot be asked must not stand in the way of switching its assignment off.
    let same = ["name", "config", "sandbox"].iter().all(|field| stored.get(*field) == entity.get(*field));
    if let (Some(plugin), false) = (&ruled.plugin, same) {
        state.check(plugin, &entity).await?;
    }
    state.writable("update", kind, Some(by))?;
    let replace = |record| Change::ReplaceIf { record, unchanged_since: found.revision };
    let changes = writes(state, &ruled, &mut entity, keep_names, replace).await?;
    match state.store.write(changes).await {
        Ok(_) => Ok(Some(entity)),
        Err(StoreError::Changed { .. } | StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(ApiError::of_write(error, kind, &entity)),
    }
}

/// Changes the entity that a child refers to.
pub(in crate::admin) async fn patch_parent(
    state: &AdminState,
    child: &'static Kind,
    foreign: Foreign,
    text: &str,
    sent: Sent,
) -> Result<Answer, ApiError> {
    let (_, id) = referred(state, child, foreign, text).await?;
    let parent = kind(foreign.target).ok_or(ApiError::NotFound)?;
    let id = id.ok_or(ApiError::NotFound)?;
    update_entity(state, parent, &id.to_string(), sent, None).await
}
