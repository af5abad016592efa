//! Endpoints that answer as Kong does where the part of it behind them is switched off.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::answer::Answer;
use super::error::ApiError;
use super::state::AdminState;
use crate::model::Violations;

/// Filters of proxy-wasm: plugins are components, which have `/custom-plugins`.
pub(super) fn refuse_filters() -> ApiError {
    ApiError::bad_request("this endpoint is only available when wasm is enabled")
}

/// A node knows no others: they share a database.
pub(super) fn refuse_clustering() -> ApiError {
    ApiError::bad_request(
        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster",
    )
}

/// Tags come and go with the entities that have them.
pub(super) fn refuse_tag_write() -> ApiError {
    Violations::of("tags", "does not support insert/upsert/update/delete operations").into()
}

/// `GET /schemas/filters/{name}`.
pub(super) fn refuse_filter(name: &str) -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, format!("Filter '{name}' not found"))
}

/// `DELETE /cache`: what is known of consumers and credentials is looked up again.
pub(super) fn forget_all(state: &AdminState) -> Answer {
    (state.node.forget)();
    Answer::no_content()
}

/// `/cache/{key}`: no value is kept under a key of Kong's, so there is none to show or to drop.
pub(super) fn cached_value(method: &Method) -> Result<Answer, ApiError> {
    if *method == Method::DELETE { Ok(Answer::no_content()) } else { Err(ApiError::NotFound) }
}

/// `GET /timers`. Plugins have no timers.
pub(super) fn show_timers() -> Answer {
    let none = json!({ "running": 0, "pending": 0, "waiting": 0, "total": 0, "runs": 0 });
    Answer::ok(json!({
        "worker": { "id": 0, "count": 1 },
        "stats": { "flamegraph": {}, "sys": none, "timers": {} },
    }))
}
