//! An assignment must share a protocol with what it is for, as in Kong.

use serde_json::Value;

use super::record::Document;

/// The violation of `protocols` where the route has others.
pub const NOT_THE_ROUTES: &str = "must match the associated route's protocols";
/// The violation where every route of the service has others.
pub const NONE_OF_THE_SERVICES: &str =
    "must match the protocols of at least one route pointing to this Plugin's service";

/// Whether two entities have a protocol in common.
#[must_use]
pub fn share(one: &Document, other: &Document) -> bool {
    let list =
        |entity: &'_ Document| entity.get("protocols").and_then(Value::as_array).cloned().unwrap_or_default();
    let others = list(other);
    list(one).iter().any(|protocol| others.contains(protocol))
}
