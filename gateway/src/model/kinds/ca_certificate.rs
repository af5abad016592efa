//! CA certificates: whom the gateway trusts to vouch for others.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::model::check::custom;
use crate::model::field::string;
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::pem::{certificate, certificates};
use crate::model::record::Document;
use crate::model::violations::Violations;

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct CaCertificate {
    pub id: Uuid,
    /// PEM.
    pub cert: String,
}

pub(super) fn kind() -> Kind {
    Kind::new("ca_certificates")
        .listed_in(&[("services", "ca_certificates"), ("plugins", "config.ca_certificates")])
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("cert", string().required().text(|text| certificate(text).map(drop)))
        .field("cert_digest", string().unique())
        .field("tags", formats::tags())
        .check(custom(&["cert"], vouches))
        .settle(digest)
}

/// The moment of the write is in `updated_at`.
fn vouches(entity: &Document) -> Result<(), String> {
    let text = entity.get("cert").and_then(Value::as_str).unwrap_or_default();
    let found = certificate(text)?;
    let now = entity.get("updated_at").and_then(Value::as_i64).unwrap_or_default();
    if certificates(text) > 1 {
        return Err("please submit only one certificate at a time".to_owned());
    }
    if found.not_after < now {
        return Err("certificate expired, \"Not After\" time is in the past".to_owned());
    }
    if !found.is_ca {
        let text = "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint";
        return Err(text.to_owned());
    }
    Ok(())
}

fn digest(entity: &mut Document, _: Option<(&Document, &Document)>) -> Result<(), Violations> {
    let found = entity.get("cert").and_then(Value::as_str).map(certificate);
    if let Some(Ok(found)) = found {
        entity.insert("cert_digest".to_owned(), found.digest.into());
    }
    Ok(())
}
