//! SNIs: the name by which a client asks for a certificate.

use serde::Deserialize;
use uuid::Uuid;

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, needed, updated_at};

/// A name, which may begin or end with `*`, and its certificate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Sni {
    pub id: Uuid,
    pub name: String,
    #[serde(deserialize_with = "needed")]
    pub certificate: Uuid,
}

pub(super) fn kind() -> Kind {
    Kind::new("snis")
        .endpoint_key("name")
        .field("id", id())
        .field("name", string().required().unique().noted("unique_across_ws").text(formats::wildcard_host))
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("tags", formats::tags())
        .field("certificate", foreign("certificates").required())
}
