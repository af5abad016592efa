//! The description of the Admin API in OpenAPI 3.1, made of the paths that are served and the rules of
//! the kinds, so that it can drift from neither. Made once, when somebody first asks.
//!
//! Left out are methods that can only say that they are not there: Kong's paths that always answer 404,
//! and the DELETE of a parent.

mod access;
mod components;
mod custom_plugins;
mod entities;
mod operation;
mod special;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::paths;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// `GET /openapi.json`.
pub(super) fn show() -> Answer {
    Answer::bytes("application/json; charset=utf-8", DOCUMENT.clone())
}

fn document() -> Value {
    let mut tags = BTreeSet::new();
    let mut described = Map::new();
    for (pattern, endpoint) in paths::lines() {
        let mut item = Map::new();
        let parameters = components::of_path(pattern);
        if !parameters.is_empty() {
            item.insert("parameters".to_owned(), parameters.into());
        }
        let before = item.len();
        for method in endpoint.methods() {
            let Some(operation) = special::operation(pattern, endpoint, method) else { continue };
            tags.insert(operation.tag.clone());
            item.insert(method.as_str().to_ascii_lowercase(), operation.printed());
        }
        if item.len() > before {
            described.insert(pattern.to_owned(), item.into());
        }
    }
    let tags: Vec<Value> = tags.into_iter().map(|name| json!({ "name": name })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Weir Admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Kong's Admin API, and uploads of plugins.",
            "description": "HEAD is answered wherever GET is, and OPTIONS everywhere. A final slash, and `/default` \
                before a path, make no difference.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The gateway that this was read from." }],
        "tags": tags,
        "paths": described,
        "components": components::components(),
    })
}
