//! Consumers: who calls an API.

use serde::Deserialize;
use uuid::Uuid;

use crate::model::check::{Check, names};
use crate::model::field::string;
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};

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

pub(super) fn kind() -> Kind {
    Kind::new("consumers")
        .endpoint_key("username")
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("username", string().unique())
        .field("custom_id", string().unique())
        .field("tags", formats::tags())
        .check(Check::AtLeastOneOf(names(&["custom_id", "username"])))
}
