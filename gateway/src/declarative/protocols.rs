//! Assignments must share a protocol with what they are for; see the Admin API, which asks the same.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::stored::Stored;
use crate::model::{Document, Record, id_of, protocols};

/// What is wrong with the assignments among `records`, by their place there.
pub(super) fn check(records: &[Record], stored: &Stored) -> Vec<(usize, &'static str)> {
    let of_kind = |kind: &'static str| records.iter().filter(move |record| record.kind == kind);
    if of_kind("plugins").all(|plugin| {
        reference(&plugin.document, "route").is_none() && reference(&plugin.document, "service").is_none()
    }) {
        return Vec::new();
    }
    let routes: HashMap<Uuid, &Document> =
        of_kind("routes").map(|route| (route.id, &route.document)).collect();
    let mut by_service: HashMap<Uuid, Vec<&Document>> = HashMap::new();
    for route in routes.values() {
        if let Some(service) = reference(route, "service") {
            by_service.entry(service).or_default().push(route);
        }
    }
    let mut wrong = Vec::new();
    for (at, plugin) in records.iter().enumerate().filter(|(_, record)| record.kind == "plugins") {
        let plugin = &plugin.document;
        if let Some(id) = reference(plugin, "route") {
            let kept = || stored.get("routes", id).map(|route| &route.document);
            if routes.get(&id).copied().or_else(kept).is_some_and(|route| !protocols::share(plugin, route)) {
                wrong.push((at, protocols::NOT_THE_ROUTES));
            }
        } else if let Some(id) = reference(plugin, "service") {
            let all = by_service.get(&id);
            if all.is_some_and(|all| !all.iter().any(|route| protocols::share(plugin, route))) {
                wrong.push((at, protocols::NONE_OF_THE_SERVICES));
            }
        }
    }
    wrong
}

fn reference(entity: &Document, field: &str) -> Option<Uuid> {
    id_of(entity.get(field).and_then(Value::as_object)?)
}
