//! All that a snapshot is built from, as one value.
//!
//! A row that cannot be read becomes a fault and is left out; the others go on. References between
//! rows are deliberately not judged here: the snapshot knows what to do without a service.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kinds::{CustomPlugin, Plugin, Route, Service};
use super::record::Document;

/// Services, routes and plugins of one revision. Consumers and credentials are looked up instead.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the kinds say what they are")]
pub struct Catalog {
    pub services: Vec<Service>,
    pub routes: Vec<Route>,
    pub plugins: Vec<Plugin>,
    pub custom_plugins: Vec<CustomPlugin>,
}

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Kind of the entity.
    pub kind: &'static str,
    /// Its id, as far as it can be told.
    pub id: String,
    /// What could not be read.
    pub message: String,
}

impl Catalog {
    /// The kinds that a catalog is read from.
    pub const KINDS: [&'static str; 4] = ["services", "routes", "plugins", "custom_plugins"];

    /// Reads all rows; those that cannot be read are listed beside the catalog.
    #[must_use]
    pub fn from_documents(rows: &BTreeMap<String, Vec<Document>>) -> (Self, Vec<BadRow>) {
        let mut faults = Vec::new();
        let catalog = Self {
            services: read("services", rows, &mut faults),
            routes: read("routes", rows, &mut faults),
            plugins: read("plugins", rows, &mut faults),
            custom_plugins: read("custom_plugins", rows, &mut faults),
        };
        (catalog, faults)
    }
}

fn read<T: DeserializeOwned>(
    kind: &'static str,
    rows: &BTreeMap<String, Vec<Document>>,
    faults: &mut Vec<BadRow>,
) -> Vec<T> {
    let mut good = Vec::new();
    for row in rows.get(kind).into_iter().flatten() {
        match serde_json::from_value(Value::Object(row.clone())) {
            Ok(entity) => good.push(entity),
            Err(error) => faults.push(BadRow {
                kind,
                id: row.get("id").and_then(Value::as_str).unwrap_or("?").to_owned(),
                message: error.to_string(),
            }),
        }
    }
    good
}
