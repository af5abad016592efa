//! POST /custom-plugins: a component becomes a version of a plugin.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::{ATTEMPTS, Found, activate, document, find, kind, with_version};
use crate::admin::answer::Answer;
use crate::admin::body::{self, Part};
use crate::admin::call::Call;
use crate::admin::error::ApiError;
use crate::admin::form;
use crate::admin::plugins::custom_plugin;
use crate::admin::state::AdminState;
use crate::model::{Admitted, CustomPlugin, Document, Refusal, Violations, schema};
use crate::store::{Change, StoreError};

/// What a multipart upload may carry beside the component, in bytes.
const ENVELOPE: usize = 256 * 1024;

/// A component and what was said about it.
struct Upload {
    component: Bytes,
    activate: bool,
    /// `grants`, `limits`, `on_failure`, `tags`.
    options: Document,
}

pub(super) async fn upload_plugin(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let upload = read(&mut call).await?;
    let state = call.state;
    if upload.component.is_empty() {
        return Err(refusal("empty", "the component is empty"));
    }
    let mut admitted = state.components.admit(upload.component.clone()).await?;
    schema::plugin_rules(&admitted.version.config_schema, admitted.version.authenticates)?;
    if state.bundled.contains_key(&admitted.name) {
        let text = format!("the name '{}' belongs to a plugin of the gateway", admitted.name);
        return Err(ApiError::message(StatusCode::CONFLICT, text));
    }
    admitted.version.created_at = state.now();
    state.store.put_component(&admitted.version.digest, &upload.component).await?;
    for _ in 0..ATTEMPTS {
        if let Some(answer) = keep(state, &admitted, &upload).await? {
            return Ok(answer);
        }
    }
    Err(StoreError::Changed { kind: "custom_plugins".to_owned(), id: Uuid::nil() }.into())
}

/// `None` if somebody else wrote the plugin meanwhile.
async fn keep(state: &AdminState, admitted: &Admitted, upload: &Upload) -> Result<Option<Answer>, ApiError> {
    let version = &admitted.version;
    let found = find_named(state, &admitted.name).await?;
    if let Some(known) = found.as_ref().and_then(|found| found.plugin.version(&version.version)) {
        if known.digest != version.digest {
            let text = format!(
                "version {} of '{}' exists with another digest ({}); a version is immutable",
                known.version, admitted.name, known.digest
            );
            return Err(ApiError::message(StatusCode::CONFLICT, text));
        }
        let plugin = found.as_ref().map(|found| &found.plugin);
        return plugin.map(|plugin| Ok(Answer::ok(with_version(plugin, known)?))).transpose();
    }
    let before = found.as_ref().map(|found| found.plugin.clone());
    let mut plugin = before.unwrap_or_else(|| blank(&admitted.name, state.now()));
    plugin.versions.push(version.clone());
    plugin.updated_at = state.now();
    let is_active = upload.activate || plugin.active_version.is_none();
    if is_active {
        plugin.active_version = Some(version.version.clone());
    }
    let entity = judged(state, &plugin, upload.options.clone())?;
    let plugin = custom_plugin(entity.clone())?;
    let mut changes =
        if is_active { activate::carry_over(state, &plugin, version).await? } else { Vec::new() };
    let record = kind()?.record(entity)?;
    changes.insert(
        0,
        match found {
            Some(Found { revision, .. }) => Change::ReplaceIf { record, unchanged_since: revision },
            None => Change::Insert(record),
        },
    );
    match state.store.write(changes).await {
        Ok(_) => Ok(Some(Answer::created(with_version(&plugin, version)?))),
        Err(StoreError::Changed { .. } | StoreError::NotFound { .. } | StoreError::Conflict { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

async fn find_named(state: &AdminState, name: &str) -> Result<Option<Found>, ApiError> {
    if crate::model::is_uuid(name) {
        return Err(refusal("bad_name", "a plugin cannot be named like a UUID"));
    }
    find(state, name).await
}

fn blank(name: &str, now: i64) -> CustomPlugin {
    CustomPlugin {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        active_version: None,
        versions: Vec::new(),
        grants: None,
        limits: None,
        on_failure: None,
        tags: None,
        created_at: now,
        updated_at: now,
    }
}

/// The plugin with `options` laid over it, after the kind's rules.
pub(super) fn judged(
    state: &AdminState,
    plugin: &CustomPlugin,
    options: Document,
) -> Result<Document, ApiError> {
    Ok(kind()?.update(&document(plugin)?, options, state.now())?)
}

fn refusal(reason: &str, message: &str) -> ApiError {
    Refusal { reason: reason.to_owned(), message: message.to_owned(), again: false }.into()
}

async fn read(call: &mut Call<'_>) -> Result<Upload, ApiError> {
    let limit = call.state.settings.max_component_bytes;
    let media = body::media_type(call.headers);
    let asked = flag("activate", call.query.get("activate"))?.unwrap_or(true);
    let sent = std::mem::take(&mut call.body);
    if media.starts_with("application/wasm") {
        let component = body::read_bytes(call.headers, sent, limit).await?;
        return Ok(Upload { component, activate: asked, options: Document::new() });
    }
    if !media.starts_with("multipart/form-data") {
        return Err(body::unsupported());
    }
    let bytes = body::read_bytes(call.headers, sent, limit.saturating_add(ENVELOPE)).await?;
    parts(body::read_parts(call.headers, bytes).await?, asked, limit)
}

/// The part `component`, and fields beside it.
fn parts(parts: Vec<Part>, activate: bool, limit: usize) -> Result<Upload, ApiError> {
    let mut upload = Upload { component: Bytes::new(), activate, options: Document::new() };
    let mut pairs = Vec::new();
    for part in parts {
        match part.name.as_str() {
            "component" if part.bytes.len() > limit => {
                let text = format!("the component is larger than {limit} bytes");
                return Err(ApiError::message(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            "component" => upload.component = part.bytes,
            name @ "activate" => {
                let value = part.clone().value()?;
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                upload.activate = flag(name, Some(&text))?.unwrap_or(true);
            }
            _ => pairs.push((part.name.clone(), structured(part)?)),
        }
    }
    upload.options = form::decode(pairs);
    kind()?.type_form(&mut upload.options);
    let known = ["grants", "limits", "on_failure", "tags"];
    match upload.options.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Violations::of(name, "unknown field").into()),
        None => Ok(upload),
    }
}

/// Records may be sent as a JSON text, since `curl -F` sets no type of a part.
fn structured(part: Part) -> Result<Value, ApiError> {
    let is_record = ["grants", "limits"].contains(&part.name.as_str());
    let value = part.value()?;
    match value.as_str().filter(|_| is_record).map(serde_json::from_str) {
        Some(Ok(record)) => Ok(record),
        Some(Err(_)) | None => Ok(value),
    }
}

fn flag(name: &str, text: Option<&str>) -> Result<Option<bool>, ApiError> {
    match text {
        None => Ok(None),
        Some("true" | "1" | "") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Violations::of(name, "expected a boolean").into()),
    }
}

/// How long an upload that nobody names may lie in the store.
pub(super) const UNNAMED: Duration = Duration::from_secs(3600);
