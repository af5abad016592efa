//! Plugin assignments: a row of `plugins`.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::reference;
use crate::model::Document;

/// Which plugin runs where, with which configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Plugin {
    pub id: Uuid,
    pub name: String,
    pub instance_name: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub route: Option<Uuid>,
    #[serde(deserialize_with = "reference")]
    pub service: Option<Uuid>,
    #[serde(deserialize_with = "reference")]
    pub consumer: Option<Uuid>,
    pub config: Document,
    pub enabled: bool,
    /// Grants, limits and failure policy of this assignment; null takes those of the plugin.
    #[serde(default)]
    pub sandbox: Option<Value>,
}
