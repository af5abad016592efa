//! DELETE of one entity.

use super::listed::deletes;
use super::lookup::find_entity;
use super::mentions::refuse_mentioned;
use super::show::belongs;
use super::{Forced, stored_id};
use crate::admin::answer::Answer;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::model::{Document, Kind, is_uuid};
use crate::store::{Change, StoreError};

/// Deletes an entity. That there is none is no error, as in Kong.
pub(in crate::admin) async fn delete_entity(
    state: &AdminState,
    kind: &'static Kind,
    text: &str,
    below: Option<Forced>,
) -> Result<Answer, ApiError> {
    let Some(found) = find_entity(state, kind, text, below).await? else {
        return Ok(Answer::no_content());
    };
    if !belongs(&found.document, below) {
        return Err(ApiError::NotFound);
    }
    let id = stored_id(&found.document)?;
    let by = if is_uuid(text) { None } else { kind.endpoint_key };
    state.writable("remove", kind, by)?;
    refuse_mentioned(state, kind, id).await?;
    let mut changes = deletes(state, kind, id).await?;
    changes.push(Change::Delete { kind: kind.name.to_owned(), id });
    match state.store.write(changes).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(Answer::no_content()),
        Err(error) => Err(ApiError::of_write(error, kind, &Document::new())),
    }
}
