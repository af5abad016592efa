//! `/` and `/status`: what this gateway is, and how it is doing.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::entities::read_all;
use super::error::ApiError;
use super::plugins::custom_plugin;
use super::state::AdminState;
use super::status_listener::METRICS;
use crate::model::{Document, PluginVersion};
use crate::store::{PageQuery, StoreError};

/// The version that clients of Kong gate their features on.
const KONG_VERSION: &str = "3.9.3";

/// `GET /`.
pub(super) async fn show_information(state: &AdminState) -> Result<Answer, ApiError> {
    let mut available = Map::new();
    for (name, found) in state.bundled.iter() {
        available.insert(name.clone(), brief(&found.admitted.version));
    }
    for document in all(state, "custom_plugins").await? {
        let custom = custom_plugin(document)?;
        if let Some(active) = custom.active() {
            available.insert(custom.name.clone(), brief(active));
        }
    }
    let enabled: BTreeSet<String> = all(state, "plugins")
        .await?
        .into_iter()
        .filter_map(|plugin| plugin.get("name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    Ok(Answer::ok(json!({
        "tagline": "Welcome to kong",
        "version": KONG_VERSION,
        "edition": "community",
        "weir": { "version": env!("CARGO_PKG_VERSION") },
        "hostname": state.settings.hostname,
        "node_id": state.settings.node_id,
        "lua_version": "none: plugins are WebAssembly components",
        "timers": { "running": 0, "pending": 0 },
        "plugins": { "available_on_server": available, "enabled_in_cluster": enabled },
        "configuration": state.settings.configuration,
        "pids": { "master": std::process::id(), "workers": [] },
    })))
}

fn brief(version: &PluginVersion) -> Value {
    json!({ "version": version.version, "priority": version.default_priority })
}

/// All entities of a kind.
pub(super) async fn all(state: &AdminState, kind: &str) -> Result<Vec<Document>, StoreError> {
    read_all(state, kind, PageQuery::default()).await
}

/// `GET /metrics`, the same that the status listener says.
pub(super) async fn show_metrics(state: &AdminState) -> Result<Answer, ApiError> {
    let write = Arc::clone(&state.node.metrics);
    let text = tokio::task::spawn_blocking(move || write()).await.map_err(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
    })?;
    Ok(Answer::text(METRICS, text))
}

/// `GET /status`. Answers with the database away too.
pub(super) async fn show_status(state: &AdminState) -> Result<Answer, ApiError> {
    let stored = state.store.revision().await;
    let report = (state.node.report)();
    Ok(Answer::ok(json!({
        "memory": { "lua_shared_dicts": {}, "workers_lua_vms": [] },
        "server": {
            "connections_accepted": report.connections_accepted,
            "connections_active": report.connections_active,
            "connections_handled": report.connections_accepted,
            "connections_reading": 0,
            "connections_waiting": 0,
            "connections_writing": report.connections_active,
            "total_requests": report.total_requests,
        },
        "database": { "reachable": stored.is_ok() },
        "weir": {
            "stored_revision": stored.ok(),
            "live_revision": report.live_revision,
            "serving_last_good": report.serving_last_good,
            "reload_error": report.reload_error,
            "faults": if state.store.scope().is_some() { Vec::new() } else { report.faults },
        },
    })))
}
