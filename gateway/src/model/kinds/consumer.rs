//! Consumers: who calls an API.

use serde::Deserialize;
use uuid::Uuid;

/// Who calls an API. At least one of the two names is there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Consumer {
    pub id: Uuid,
    pub username: Option<String>,
    pub custom_id: Option<String>,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    pub created_at: i64,
}
