//! `/admin-tokens`: made, listed, revoked. The token itself is in the answer that makes it, and nowhere
//! else.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::answer::{Answer, Content};
use super::call::Call;
use super::entities::{delete_entity, list_entities, show_entity};
use super::error::ApiError;
use super::schemas::kind_named;
use super::state::AdminState;
use crate::model::{Document, Kind, Violations, admin_token_digest, new_admin_token};
use crate::store::Change;

/// Fields that a client may send.
const SENT: [&str; 5] = ["name", "role", "scope", "comment", "ttl"];

/// `/admin-tokens`.
pub(super) async fn answer_tokens(method: &Method, mut call: Call<'_>) -> Result<Answer, ApiError> {
    let kind = kind()?;
    if *method == Method::POST {
        let sent = call.fields().await?;
        let mut fields = sent.document().clone();
        if matches!(sent, super::body::Sent::Form(_)) {
            kind.type_form(&mut fields);
        }
        return create_token(call.state, fields).await;
    }
    Ok(without_digests(list_entities(call.state, kind, None, call.path, &call.query).await?))
}

/// `/admin-tokens/{token}`, by id or name.
pub(super) async fn answer_token(method: &Method, call: Call<'_>) -> Result<Answer, ApiError> {
    let text = call.parameter(0)?;
    match *method {
        Method::DELETE => delete_entity(call.state, kind()?, text, None).await,
        _ => Ok(without_digests(show_entity(call.state, kind()?, text, None).await?)),
    }
}

fn kind() -> Result<&'static Kind, ApiError> {
    kind_named("admin_tokens")
}

async fn create_token(state: &AdminState, mut fields: Document) -> Result<Answer, ApiError> {
    if let Some(name) = fields.keys().find(|name| !SENT.contains(&name.as_str())) {
        return Err(Violations::of(name, "unknown field").into());
    }
    let token = new_admin_token().map_err(|text| ApiError::message(StatusCode::SERVICE_UNAVAILABLE, text))?;
    fields.insert("digest".to_owned(), admin_token_digest(&token).into());
    let kind = kind()?;
    let entity = kind.create(fields, state.moment())?;
    let record = kind.record(entity.clone())?;
    let written = state.store.write(vec![Change::Insert(record)]).await;
    written.map_err(|error| ApiError::of_write(error, kind, &entity))?;
    let mut shown = kind.shown(entity, state.now());
    shown.remove("digest");
    shown.insert("token".to_owned(), token.into());
    Ok(Answer::created(shown))
}

/// One token, or a page of them, without what is kept of the tokens themselves.
fn without_digests(mut answer: Answer) -> Answer {
    if let Content::Json(Value::Object(body)) = &mut answer.content {
        body.remove("digest");
        for entity in body.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
            entity.as_object_mut().map(|entity| entity.remove("digest"));
        }
    }
    answer
}
