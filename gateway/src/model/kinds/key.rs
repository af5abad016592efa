//! Keys: one key as a JWK or in PEM.

use serde_json::Value;

use crate::model::check::{Check, custom, names};
use crate::model::field::{Fields, foreign, record, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::pem::{jwk_id, private_key, public_key};
use crate::model::record::Document;
use crate::model::rule::Rule;
use crate::vault::Reference;

pub(super) fn kind() -> Kind {
    let halves = Fields::default()
        .with("private_key", string().encrypted().referenceable())
        .with("public_key", string().referenceable())
        .check(Check::AtLeastOneOf(names(&["private_key", "public_key"])));
    Kind::new("keys")
        .endpoint_key("name")
        .field("id", id())
        .field("set", foreign("key_sets").cascade())
        .field("name", string().unique())
        .field("kid", string().required())
        .field("jwk", string().encrypted().referenceable())
        .field("pem", record(halves).optional().rule(Rule::Whole(pair)))
        .field("tags", formats::tags())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .unique_together("kid,set", &["kid", "set"])
        .check(Check::MutuallyExclusive(names(&["jwk", "pem"])))
        .check(Check::AtLeastOneOf(names(&["jwk", "pem"])))
        .check(custom(&["jwk", "pem", "kid"], same_id))
}

fn same_id(entity: &Document) -> Result<(), String> {
    let Some(jwk) = entity.get("jwk").and_then(Value::as_str) else {
        return Ok(());
    };
    if jwk_id(jwk)?.as_deref() == entity.get("kid").and_then(Value::as_str) {
        return Ok(());
    }
    Err("kid in jwk.kid must be equal to keys.kid".to_owned())
}

/// Each half can be read, and they belong together. One that stands in a vault is not judged.
fn pair(value: &Value) -> Result<(), String> {
    let half = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.filter(|text| !Reference::is_meant(text))
    };
    let public = half("public_key").map(|text| public_key(text).map_err(|_| "could not load public key"));
    let private = half("private_key").map(|text| private_key(text).map_err(|_| "could not load private key"));
    match (public.transpose()?, private.transpose()?) {
        (Some(public), Some(private)) if public != private => {
            Err("public key does not match private key".to_owned())
        }
        _ => Ok(()),
    }
}
