//! Tokens of the Admin API, and what was done with it.

use axum::http::Method;
use serde_json::{Value, json};

use super::entities::page_of;
use super::operation::{Body, Content, Operation};
use crate::admin::paths::Endpoint;
use crate::model::{ADMIN_ROLES, Kind};

const TOKENS: &str = "Admin tokens";

/// `/admin-tokens` and those of it.
pub(super) fn tokens(endpoint: Endpoint, method: &Method, kind: &Kind) -> Operation {
    let new = |id: &str, summary: &str| Operation::new(id, TOKENS, summary).fails(&[404, 503]);
    let shown = || json!({ "type": "object", "required": ["id", "role"], "description": kind.name });
    match (endpoint, method) {
        (Endpoint::AdminTokens, &Method::POST) => new("createAdminToken", "Make a token")
            .body(Body::Fields(sent()))
            .gives(201, Content::Json("The token is in this answer, and nowhere else.", shown()))
            .fails(&[405, 409]),
        (Endpoint::AdminTokens, _) => new("listAdminTokens", "List the tokens, without what they are")
            .query(&["size", "offset"])
            .shows("One page.", page_of(shown(), "data")),
        (_, &Method::DELETE) => new("deleteAdminToken", "Revoke a token")
            .gives(204, Content::Nothing("It opens nothing any more."))
            .fails(&[405]),
        _ => new("getAdminToken", "Show a token, without what it is").shows("The token.", shown()),
    }
}

fn sent() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "role"],
        "properties": {
            "name": { "type": "string" },
            "role": { "enum": ADMIN_ROLES },
            "scope": { "type": ["array", "null"], "items": { "type": "string" } },
            "comment": { "type": ["string", "null"] },
            "ttl": { "type": ["integer", "null"], "minimum": 0, "maximum": 100_000_000 },
        },
    })
}

/// `/audit/…`.
pub(super) fn records(endpoint: Endpoint) -> Operation {
    let (id, summary) = match matches!(endpoint, Endpoint::AuditObjects) {
        true => ("listAuditObjects", "List what calls changed, the newest first"),
        false => ("listAuditRequests", "List calls that change something, the newest first"),
    };
    Operation::new(id, "Audit log", summary)
        .query(&["size", "offset"])
        .shows("One page.", page_of(json!({ "type": "object" }), "data"))
        .fails(&[404, 503])
}
