//! The operations of `/custom-plugins`: components go up, versions come and go.

use axum::http::Method;
use serde_json::{Value, json};

use super::entities::{self, Place};
use super::operation::{Body, Content, Operation, schema};
use super::words;
use crate::admin::paths::Endpoint;
use crate::model::Kind;

pub(super) fn operation(endpoint: Endpoint, method: &Method, kind: &Kind) -> Operation {
    let new = |id: &str, summary: &str| Operation::new(id, words::tag(kind), summary).fails(&[404, 503]);
    match (endpoint, method) {
        (Endpoint::CustomPlugins, &Method::POST) => upload(kind),
        (Endpoint::CustomPlugins, _) => entities::collection(kind, Place::Top, method),
        (Endpoint::CustomPlugin, &Method::PATCH) => {
            let changed = json!({ "allOf": [schema("CustomPlugin"), { "properties": {
                "dry_run": { "type": "boolean" },
                "migrated": { "type": "array", "items": { "type": "object" } },
            } }] });
            let operation = entities::entity(kind, Place::Top, method);
            Operation { success: Vec::new(), ..operation }
                .query(&["dry_run"])
                .shows("The plugin, and the assignments whose configuration was carried over.", changed)
        }
        (Endpoint::CustomPluginVersions, _) => {
            new("listCustomPluginVersions", "List the versions of an uploaded plugin")
                .shows("All of them, oldest first.", entities::page_of(schema("PluginVersion"), "data"))
        }
        (Endpoint::CustomPluginVersion, &Method::DELETE) => {
            new("deleteCustomPluginVersion", "Delete a version that nobody runs")
                .gives(204, Content::Nothing("It is gone, or never was."))
                .fails(&[400, 405, 409])
        }
        (Endpoint::CustomPluginVersion, _) => {
            let shown = json!({ "allOf": [schema("PluginVersion"), {
                "required": ["role", "signature", "in_use"],
                "properties": { "role": { "enum": ["active", "candidate", "idle"] } },
            }] });
            new("getCustomPluginVersion", "Show a version of an uploaded plugin")
                .shows("The version, and its use on this node.", shown)
        }
        (Endpoint::CustomPluginPackages, _) => {
            let packages = json!({ "type": "object", "required": ["producers", "packages"] });
            new("getCustomPluginPackages", "What a version is made of")
                .shows("Languages, tools and packages.", packages)
        }
        (Endpoint::CustomPluginLogs, _) => new("getPluginLogs", "What a plugin logged on this node lately")
            .query(&["follow"])
            .gives(200, Content::Text("application/x-ndjson", "One JSON object a line."))
            .fails(&[429]),
        _ => entities::entity(kind, Place::Top, method),
    }
}

fn upload(kind: &Kind) -> Operation {
    let answer = || {
        json!({ "allOf": [schema("CustomPlugin"), { "properties": {
        "version": { "type": "string" },
        "digest": { "type": "string" },
        "config_schema": { "type": ["object", "boolean", "null"] },
        "migrated": { "type": "array", "items": { "type": "object" } },
    } }] })
    };
    let kinds = vec![
        ("application/wasm", json!({ "type": "string", "format": "binary" })),
        ("multipart/form-data", fields(("component", json!({ "type": "string", "format": "binary" })))),
        ("application/json", fields(("reference", json!({ "type": "string", "minLength": 1 })))),
    ];
    Operation::new("uploadCustomPlugin", words::tag(kind), "Upload a component as a version of a plugin")
        .query(&["activate"])
        .body(Body::Typed(kinds))
        .gives(200, Content::Json("This very version is there already.", answer()))
        .gives(201, Content::Json("The plugin and its new version.", answer()))
        .fails(&[405, 409, 503])
}

/// The component, or where it is, and what may stand beside it.
fn fields((name, component): (&str, Value)) -> Value {
    let text = || json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "required": [name],
        "properties": {
            name: component,
            "signature": text(),
            "activate": { "type": ["boolean", "null"] },
            "grants": { "type": ["object", "null"] },
            "limits": { "type": ["object", "null"] },
            "on_failure": { "enum": ["closed", "open", null] },
            "tags": { "type": ["array", "null"], "items": { "type": "string" } },
        },
    })
}
