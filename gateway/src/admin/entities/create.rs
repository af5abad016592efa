//! POST to a collection, and the same without storing anything.

use super::listed::writes;
use super::{Forced, prepare};
use crate::admin::answer::Answer;
use crate::admin::body::Sent;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::model::Kind;
use crate::store::Change;

/// Makes a new entity.
pub(in crate::admin) async fn create_entity(
    state: &AdminState,
    kind: &'static Kind,
    sent: Sent,
    forced: Option<Forced>,
) -> Result<Answer, ApiError> {
    let (document, ruled) = prepare(state, kind, &sent, forced, None).await?;
    let mut entity = ruled.kind.create(document, state.moment())?;
    if let Some(plugin) = &ruled.plugin {
        state.check_protocols(&entity).await?;
        state.check(plugin, &entity).await?;
    }
    state.writable("create", kind, None)?;
    let changes = writes(state, &ruled, &mut entity, false, Change::Insert).await?;
    state.store.write(changes).await.map_err(|error| ApiError::of_write(error, kind, &entity))?;
    Ok(Answer::created(state.shown(kind, entity).await?))
}

/// Says whether an entity would be accepted.
pub(in crate::admin) async fn validate_entity(
    state: &AdminState,
    kind: &'static Kind,
    sent: Sent,
) -> Result<Answer, ApiError> {
    let (document, ruled) = prepare(state, kind, &sent, None, None).await?;
    let entity = ruled.kind.create(document, state.moment())?;
    if let Some(plugin) = &ruled.plugin {
        state.check(plugin, &entity).await?;
    }
    Ok(Answer::ok(serde_json::json!({ "message": "schema validation successful" })))
}
