//! `/config`: the declarative configuration of a gateway without a database.
//!
//! Such a gateway keeps its entities in a store of its own all the same, so everything that reads is as
//! it is elsewhere; only this module writes them (`declare.rs`), all at once or not at all.

mod dbless;
mod declare;

pub use dbless::DbLess;
pub use declare::{StartFault, declare_at_start};

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::body::{self, Sent, media_type};
use super::call::Call;
use super::error::ApiError;
use super::state::AdminState;
use crate::declarative::{editor_schema, hash, print, stored_kinds};
use crate::model::{Document, Record, kind};

/// Words that switch an option on.
const ON: [&str; 4] = ["1", "true", "on", "yes"];
const NOTHING_SENT: &str = "expected a declarative configuration";

/// `/config`.
pub(super) async fn answer_config(method: &Method, call: Call<'_>) -> Result<Answer, ApiError> {
    let Some(dbless) = call.state.settings.dbless.clone() else {
        return Err(ApiError::bad_request(
            "this endpoint is only available when Kong is configured to not use a database",
        ));
    };
    if *method == Method::GET {
        return show_config(call.state).await;
    }
    let state = call.state;
    let Posted { text, options } = read(call).await?;
    let is_on = |name: &str| options.get(name).and_then(Value::as_str).is_some_and(|word| ON.contains(&word));
    if is_on("check_hash") && dbless.hash() == hash(&text) {
        return Ok(Answer::not_modified());
    }
    let Some(_turn) = dbless.turn() else {
        let text = "Currently loading previous configuration";
        return Err(ApiError::message(StatusCode::TOO_MANY_REQUESTS, text));
    };
    let declared = declare::declare(state, &dbless, text).await;
    let records = declared.map_err(|error| error.into_api(is_on("flatten_errors")))?;
    Ok(Answer::json(StatusCode::CREATED, by_id(state, records)))
}

/// `GET /config`.
async fn show_config(state: &AdminState) -> Result<Answer, ApiError> {
    let rows = state.store.whole().read_catalog(&stored_kinds()).await?;
    let now = state.now();
    let printed = tokio::task::spawn_blocking(move || print(&rows.documents, now)).await;
    match printed {
        Ok(Ok(text)) => Ok(Answer::ok(json!({ "config": text }))),
        Ok(Err(error)) => Err(broken(&error)),
        Err(error) => Err(broken(&error.to_string())),
    }
}

fn broken(error: &str) -> ApiError {
    tracing::error!(error, "the configuration cannot be printed");
    ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
}

/// `GET /schemas/declarative`.
pub(super) fn show_editor_schema(state: &AdminState) -> Answer {
    let configurations: Vec<(String, Value)> = state
        .bundled
        .iter()
        .map(|(name, found)| (name.clone(), found.admitted.version.config_schema.clone()))
        .collect();
    Answer::ok(editor_schema(&configurations))
}

/// All entities, by kind and id.
fn by_id(state: &AdminState, records: Vec<Record>) -> Value {
    let mut all = Map::new();
    for record in records {
        let Some(kind) = kind(record.kind) else { continue };
        let of_kind = all.entry(kind.name).or_insert_with(|| Value::Object(Map::new()));
        if let Some(of_kind) = of_kind.as_object_mut() {
            of_kind.insert(record.id.to_string(), kind.shown(record.document, state.now()).into());
        }
    }
    Value::Object(all)
}

/// A configuration, and what was asked for beside it.
struct Posted {
    text: String,
    options: Document,
}

/// Reads a body: the configuration itself, or `config` with it as a text.
async fn read(mut call: Call<'_>) -> Result<Posted, ApiError> {
    let mut options = Document::new();
    for name in ["check_hash", "flatten_errors"] {
        options.extend(call.query.get(name).map(|value| (name.to_owned(), Value::from(value))));
    }
    let media = media_type(call.headers);
    let is_yaml =
        ["application/yaml", "text/yaml", "application/x-yaml"].iter().any(|kind| media.starts_with(kind));
    let is_json = media.starts_with("application/json");
    if !is_yaml && !is_json {
        let sent = call.fields().await?;
        return of_fields(sent, options);
    }
    let (body, limit) = (std::mem::take(&mut call.body), call.state.settings.max_body_bytes);
    let bytes = body::read_bytes(call.headers, body, limit).await?;
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| ApiError::bad_request("the configuration is not valid UTF-8"))?;
    if text.trim().is_empty() {
        return Err(ApiError::bad_request(NOTHING_SENT));
    }
    if is_json {
        let fields: Document =
            serde_json::from_str(&text).map_err(|_| ApiError::bad_request("Cannot parse JSON body"))?;
        if !fields.contains_key("_format_version") {
            return of_fields(Sent::Json(fields), options);
        }
    }
    Ok(Posted { text, options })
}

fn of_fields(sent: Sent, mut options: Document) -> Result<Posted, ApiError> {
    let (Sent::Json(mut fields) | Sent::Form(mut fields)) = sent;
    let text = match fields.remove("config") {
        Some(Value::String(text)) if !text.trim().is_empty() => text,
        Some(config @ Value::Object(_)) => config.to_string(),
        _ => return Err(ApiError::bad_request(NOTHING_SENT)),
    };
    for (name, value) in fields {
        let value = if value.is_string() { value } else { value.to_string().into() };
        options.entry(name).or_insert(value);
    }
    Ok(Posted { text, options })
}
