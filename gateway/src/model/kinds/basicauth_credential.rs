//! Basic-auth credentials: a name and a password that stand for a consumer.

use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};
use crate::model::record::Document;
use crate::model::violations::Violations;

pub(super) fn kind() -> Kind {
    Kind::new("basicauth_credentials")
        .paths("basic-auths", "basic-auth")
        .endpoint_key("username")
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("username", string().required().unique())
        .field("password", string().required().encrypted())
        .field("tags", formats::tags())
        .transform(hash)
}

/// The password is kept as Kong keeps it: SHA-1 over the password and the consumer's id, in hex.
fn hash(entity: &mut Document, change: Option<(&Document, &Document)>) -> Result<(), Violations> {
    if let Some((stored, sent)) = change
        && sent.get("password").is_none_or(Value::is_null)
    {
        return if consumer(stored) == consumer(entity) {
            Ok(())
        } else {
            let text = "all or none of these fields must be set: 'password', 'consumer.id'";
            Err(Violations::of_entity(text))
        };
    }
    let password = entity.get("password").and_then(Value::as_str).unwrap_or_default();
    let digest = Sha1::digest(format!("{password}{}", consumer(entity)));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    entity.insert("password".to_owned(), hex.into());
    Ok(())
}

fn consumer(entity: &Document) -> &str {
    let id = entity.get("consumer").and_then(|consumer| consumer.get("id"));
    id.and_then(Value::as_str).unwrap_or_default()
}
