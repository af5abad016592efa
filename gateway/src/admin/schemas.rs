//! `/schemas`, and the short lists beside them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::error::ApiError;
use super::information::all;
use super::paths;
use super::state::AdminState;
use crate::model::{Kind, kind};

/// The kind of this name, or Kong's 404.
pub(super) fn kind_named(name: &str) -> Result<&'static Kind, ApiError> {
    kind(name).ok_or_else(|| ApiError::message(StatusCode::NOT_FOUND, format!("No entity named '{name}'")))
}

/// `GET /schemas/{entity}`.
pub(super) fn show_entity_schema(name: &str) -> Result<Answer, ApiError> {
    // Tags are no entities here, but what carries them.
    let described = if name == "tags" { tags_schema() } else { kind_named(name)?.described() };
    Ok(Answer::ok(described))
}

/// What `/tags` lists, in Kong's words.
fn tags_schema() -> Value {
    json!({
        "fields": [
            { "tag": { "type": "string", "required": true } },
            { "entity_name": { "type": "string", "required": true } },
            { "entity_id": { "type": "string", "required": true, "uuid": true, "auto": true } },
        ],
        "entity_checks": [],
    })
}

/// `GET /schemas/plugins/{name}`.
pub(super) async fn show_plugin_schema(state: &AdminState, name: &str) -> Result<Answer, ApiError> {
    Ok(Answer::ok(described(state, name).await?))
}

/// `GET /plugins/schema/{name}`, which is deprecated: the configuration alone.
pub(super) async fn show_config_schema(state: &AdminState, name: &str) -> Result<Answer, ApiError> {
    let schema = described(state, name).await?;
    let fields = schema.get("fields").and_then(Value::as_array);
    let config = fields.into_iter().flatten().find_map(|field| field.get("config"));
    let fields = config.and_then(|config| config.get("fields")).cloned().unwrap_or(json!([]));
    let checks = schema.get("entity_checks").cloned().unwrap_or(json!([]));
    Ok(Answer::ok(json!({ "fields": fields, "entity_checks": checks })))
}

/// `GET /schemas/vaults/{name}`.
pub(super) fn show_vault_schema(name: &str) -> Result<Answer, ApiError> {
    let missing = || ApiError::message(StatusCode::NOT_FOUND, format!("No vault named '{name}'"));
    Ok(Answer::ok(kind_named("vaults")?.variant(name).ok_or_else(missing)?.described()))
}

async fn described(state: &AdminState, name: &str) -> Result<Value, ApiError> {
    let found = state.plugin(name).await?;
    let missing = || ApiError::message(StatusCode::NOT_FOUND, format!("No plugin named '{name}'"));
    Ok(found.ok_or_else(missing)?.rules.described())
}

/// `GET /plugins/enabled`: every plugin that an assignment may name.
pub(super) async fn list_enabled_plugins(state: &AdminState) -> Result<Answer, ApiError> {
    let mut names: Vec<String> = state.bundled.keys().cloned().collect();
    for document in all(state, "custom_plugins").await? {
        names.extend(document.get("name").and_then(Value::as_str).map(str::to_owned));
    }
    names.sort();
    Ok(Answer::ok(json!({ "enabled_plugins": names })))
}

/// `GET /endpoints`.
pub(super) fn list_endpoints() -> Answer {
    Answer::ok(json!({ "data": paths::patterns() }))
}
