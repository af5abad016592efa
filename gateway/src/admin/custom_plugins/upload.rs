//! POST /custom-plugins: a component becomes a version of a plugin.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use super::keep::{Step, keep};
use super::{document, kind};
use crate::admin::answer::Answer;
use crate::admin::body::{self, Part, Sent};
use crate::admin::call::Call;
use crate::admin::error::ApiError;
use crate::admin::form;
use crate::admin::state::AdminState;
use crate::model::{Admitted, CustomPlugin, Document, Refusal, Violations, schema};
use crate::plugin_host::read_signature;

/// Carries the signature of a component that is sent bare, in base64.
const SIGNATURE: &str = "weir-signature";

/// What a multipart upload may carry beside the component, in bytes.
const ENVELOPE: usize = 256 * 1024;

/// What takes longer to compile goes live later on other nodes; until then they run the version before.
const LONGEST_HEAD_START: Duration = Duration::from_secs(2);

/// Where the component is.
enum Source {
    Here(Bytes),
    /// In a registry, by this reference.
    Registry(String),
}

/// A component and what was said about it.
pub(super) struct Upload {
    source: Source,
    /// In base64.
    signatures: Vec<String>,
    pub(super) activate: bool,
    /// `grants`, `limits`, `on_failure`, `tags`.
    pub(super) options: Document,
}

#[cfg(test)]
impl Upload {
    /// A component with nothing said about it.
    pub(super) fn of(component: Bytes) -> Self {
        Self {
            source: Source::Here(component),
            signatures: Vec::new(),
            activate: true,
            options: Document::new(),
        }
    }
}

pub(super) async fn upload_plugin(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let upload = read(&mut call).await?;
    let state = call.state;
    let component = match &upload.source {
        Source::Here(component) => component.clone(),
        Source::Registry(reference) => state.components.pull(reference).await?,
    };
    if component.is_empty() {
        return Err(refusal("empty", "the component is empty"));
    }
    let mut admitted = state.components.admit(component.clone(), &upload.signatures).await?;
    schema::plugin_rules(&admitted.version.config_schema, admitted.version.authenticates)?;
    if state.bundled.contains_key(&admitted.name) {
        let text = format!("the name '{}' belongs to a plugin of the gateway", admitted.name);
        return Err(ApiError::message(StatusCode::CONFLICT, text));
    }
    admitted.version.created_at = state.now();
    state.store.put_component(&admitted.version.digest, &component).await?;
    let head_start = head_start(state, &admitted);
    if head_start.is_zero() {
        return Ok(keep(state, &admitted, &upload, Step::AtOnce).await?.answer);
    }
    let kept = keep(state, &admitted, &upload, Step::Announce).await?;
    tokio::time::sleep(head_start).await;
    if !kept.awaits_activation {
        return Ok(kept.answer);
    }
    Ok(keep(state, &admitted, &upload, Step::Activate).await?.answer)
}

/// How long other nodes get to compile a version before anybody is to run it: as long as this node
/// took, so that it goes live everywhere at the same time. They begin when they hear of the version.
fn head_start(state: &AdminState, admitted: &Admitted) -> Duration {
    if !state.store.is_shared() {
        return Duration::ZERO;
    }
    let compile_ms = admitted.version.cost.get("compile_ms").and_then(Value::as_u64);
    Duration::from_millis(compile_ms.unwrap_or_default()).min(LONGEST_HEAD_START)
}

/// The plugin with `options` laid over it, after the kind's rules.
pub(super) fn judged(
    state: &AdminState,
    plugin: &CustomPlugin,
    options: Document,
) -> Result<Document, ApiError> {
    Ok(kind()?.update(&document(plugin)?, options, state.now())?)
}

pub(super) fn refusal(reason: &str, message: &str) -> ApiError {
    Refusal { reason: reason.to_owned(), message: message.to_owned(), again: false }.into()
}

async fn read(call: &mut Call<'_>) -> Result<Upload, ApiError> {
    let limit = call.state.settings.max_component_bytes;
    let media = body::media_type(call.headers);
    let asked = flag("activate", call.query.get("activate"))?.unwrap_or(true);
    let sent = std::mem::take(&mut call.body);
    if media.starts_with("application/wasm") {
        let component = body::read_bytes(call.headers, sent, limit).await?;
        let signatures = header_signature(call)?;
        let source = Source::Here(component);
        return Ok(Upload { source, signatures, activate: asked, options: Document::new() });
    }
    if media.starts_with("application/json") || media.starts_with("application/x-www-form-urlencoded") {
        let fields = body::read_fields(call.headers, sent, ENVELOPE).await?;
        return described(fields, asked);
    }
    if !media.starts_with("multipart/form-data") {
        return Err(body::unsupported());
    }
    let bytes = body::read_bytes(call.headers, sent, limit.saturating_add(ENVELOPE)).await?;
    parts(body::read_parts(call.headers, bytes).await?, asked, limit)
}

/// The part `component`, and fields beside it.
fn parts(parts: Vec<Part>, activate: bool, limit: usize) -> Result<Upload, ApiError> {
    let source = Source::Here(Bytes::new());
    let mut upload = Upload { source, signatures: Vec::new(), activate, options: Document::new() };
    let mut pairs = Vec::new();
    let mut found = false;
    for part in parts {
        match part.name.as_str() {
            "component" if part.bytes.len() > limit => {
                let text = format!("the component is larger than {limit} bytes");
                return Err(ApiError::message(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            // Which of two were signed, or looked at, would be anybody's guess.
            "component" if found => return Err(Violations::of("component", "expected one component").into()),
            "component" => {
                found = true;
                upload.source = Source::Here(part.bytes);
            }
            "signature" => upload.signatures.push(signature(&part.bytes)?),
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
    known_options(&upload.options)?;
    Ok(upload)
}

/// Fields that name a component in a registry: `reference`, and the same options as beside an upload.
fn described(sent: Sent, activate: bool) -> Result<Upload, ApiError> {
    let is_form = matches!(sent, Sent::Form(_));
    let mut options = sent.document().clone();
    let mut take = |name: &str| options.remove(name).filter(|value| !value.is_null());
    let text = |name: &str, value: Option<Value>| match value {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::from(Violations::of(name, "expected a string"))),
        None => Ok(None),
    };
    let reference = text("reference", take("reference"))?;
    let reference =
        reference.ok_or_else(|| ApiError::from(Violations::of("reference", "required field missing")))?;
    let signatures =
        text("signature", take("signature"))?.map(|text| signature(text.as_bytes())).transpose()?;
    let asked = take("activate").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    if is_form {
        kind()?.type_form(&mut options);
    }
    known_options(&options)?;
    Ok(Upload {
        source: Source::Registry(reference),
        signatures: signatures.into_iter().collect(),
        activate: flag("activate", asked.as_deref())?.unwrap_or(activate),
        options,
    })
}

fn known_options(options: &Document) -> Result<(), ApiError> {
    let known = ["grants", "limits", "on_failure", "tags"];
    match options.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Violations::of(name, "unknown field").into()),
        None => Ok(()),
    }
}

fn signature(bytes: &[u8]) -> Result<String, ApiError> {
    read_signature(bytes).map_err(|error| Violations::of("signature", error.to_string()).into())
}

/// The signature beside a component that is sent bare.
fn header_signature(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    let sent = call.headers.get_all(SIGNATURE).iter();
    sent.map(|value| signature(value.as_bytes())).collect()
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

pub(super) fn flag(name: &str, text: Option<&str>) -> Result<Option<bool>, ApiError> {
    match text {
        None => Ok(None),
        Some("true" | "1" | "") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Violations::of(name, "expected a boolean").into()),
    }
}

/// How long an upload that nobody names may lie in the store.
pub(super) const UNNAMED: Duration = Duration::from_secs(3600);
