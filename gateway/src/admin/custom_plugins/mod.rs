//! `/custom-plugins`: upload, versions, activation, rollback.
//!
//! Versions are immutable and known by their digest; one of them is active. What an assignment's
//! configuration must obey is the schema of the active version, so making another one active judges
//! every assignment first and changes all or nothing.

mod activate;
mod change;
mod keep;
mod logs;
mod remove;
mod upload;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::steps;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

pub(super) use logs::stream_logs;

use super::answer::Answer;
use super::call::Call;
use super::entities::{find_entity, list_entities};
use super::error::ApiError;
use super::paths::Endpoint;
use super::plugins::custom_plugin;
use super::schemas::kind_named;
use super::state::{AdminState, LocalView};
use crate::model::{CustomPlugin, Document, Kind, PluginVersion, Violations};
use crate::store::Revision;

/// How often a write begins anew after somebody else's write came first.
const ATTEMPTS: usize = 4;

/// A plugin as it was read, and the write that made it so.
struct Found {
    plugin: CustomPlugin,
    revision: Revision,
}

pub(super) async fn dispatch(
    endpoint: Endpoint,
    method: &Method,
    call: Call<'_>,
) -> Result<Answer, ApiError> {
    let is_versions = matches!(endpoint, Endpoint::CustomPluginVersions);
    let is_version = matches!(endpoint, Endpoint::CustomPluginVersion);
    let is_packages = matches!(endpoint, Endpoint::CustomPluginPackages);
    match *method {
        Method::POST => upload::upload_plugin(call).await,
        Method::PATCH => change::change_plugin(call).await,
        Method::DELETE if is_version => {
            remove::remove_version(call.state, call.parameter(0)?, call.parameter(1)?).await
        }
        Method::DELETE => remove::remove_plugin(call.state, call.parameter(0)?).await,
        _ if is_versions => list_versions(call.state, call.parameter(0)?).await,
        _ if is_packages => show_packages(call.state, call.parameter(0)?, call.parameter(1)?).await,
        _ if is_version => show_version(call.state, call.parameter(0)?, call.parameter(1)?).await,
        _ if call.parameters.is_empty() => {
            list_entities(call.state, kind()?, None, call.path, &call.query).await
        }
        _ => show_plugin(call.state, call.parameter(0)?).await,
    }
}

fn kind() -> Result<&'static Kind, ApiError> {
    kind_named("custom_plugins")
}

async fn find(state: &AdminState, text: &str) -> Result<Option<Found>, ApiError> {
    let Some(found) = find_entity(state, kind()?, text, None).await? else {
        return Ok(None);
    };
    Ok(Some(Found { plugin: custom_plugin(found.document)?, revision: found.revision }))
}

async fn show_plugin(state: &AdminState, text: &str) -> Result<Answer, ApiError> {
    let found = find(state, text).await?.ok_or(ApiError::NotFound)?;
    Ok(Answer::ok(document(&found.plugin)?))
}

async fn list_versions(state: &AdminState, text: &str) -> Result<Answer, ApiError> {
    let found = find(state, text).await?.ok_or(ApiError::NotFound)?;
    Ok(Answer::ok(json!({ "data": found.plugin.versions, "next": null })))
}

async fn show_version(state: &AdminState, text: &str, version: &str) -> Result<Answer, ApiError> {
    let found = find(state, text).await?.ok_or(ApiError::NotFound)?;
    let version = found.plugin.version(version).ok_or(ApiError::NotFound)?;
    let mut shown = value(version)?;
    if let Value::Object(fields) = &mut shown {
        let LocalView { signature, in_use, packages: _ } = local(state, version).await?;
        fields.insert("role".to_owned(), role(&found.plugin, version).into());
        fields.insert("signature".to_owned(), signature);
        fields.insert("in_use".to_owned(), in_use);
    }
    Ok(Answer::ok(shown))
}

async fn show_packages(state: &AdminState, text: &str, version: &str) -> Result<Answer, ApiError> {
    let found = find(state, text).await?.ok_or(ApiError::NotFound)?;
    let version = found.plugin.version(version).ok_or(ApiError::NotFound)?;
    let packages = local(state, version).await?.packages;
    Ok(Answer::ok(json!({ "producers": version.producers, "packages": packages })))
}

/// What this node alone knows of a version.
async fn local(state: &AdminState, version: &PluginVersion) -> Result<LocalView, ApiError> {
    let unread = |reason: String| ApiError::message(StatusCode::SERVICE_UNAVAILABLE, reason);
    state.components.local(version).await.map_err(unread)
}

/// What requests that begin now have to do with a version.
fn role(plugin: &CustomPlugin, version: &PluginVersion) -> &'static str {
    let is = |name: Option<&str>| name == Some(version.version.as_str());
    match plugin.candidate() {
        _active if is(plugin.active_version.as_deref()) => "active",
        Some((canary, _)) if is(Some(&canary.version)) => "candidate",
        Some(_) | None => "idle",
    }
}

/// The fields of a plugin.
fn document(plugin: &CustomPlugin) -> Result<Document, ApiError> {
    serde_json::from_value(value(plugin)?).map_err(|error| Violations::of_entity(error.to_string()).into())
}

fn value(entity: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(entity).map_err(|error| Violations::of_entity(error.to_string()).into())
}

/// The plugin with what belongs to one of its versions beside it, as an upload answers.
fn with_version(plugin: &CustomPlugin, version: &PluginVersion) -> Result<Document, ApiError> {
    let mut shown = document(plugin)?;
    if let Value::Object(fields) = value(version)? {
        fields
            .into_iter()
            .filter(|(name, _)| name != "created_at")
            .for_each(|(name, value)| _ = shown.insert(name, value));
    }
    Ok(shown)
}
