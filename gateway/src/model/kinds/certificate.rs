//! Certificates: what the gateway shows to those who call it, and to services.

use crate::model::check::{Check, custom, names};
use crate::model::field::{Field, array, string};
use crate::model::formats;
use crate::model::kind::{Kind, Listed};
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::pem::{certificate, private_key};
use crate::model::record::Document;

pub(super) fn kind() -> Kind {
    let pair = |text| string().referenceable().text(text);
    let cert = || pair(|text| certificate(text).map(drop));
    let key = || {
        let mut key: Field = pair(|text| private_key(text).map(drop));
        key.notes.insert(0, "encrypted");
        key.secret()
    };
    Kind::new("certificates")
        .listing(Listed {
            field: "snis",
            kind: "snis",
            key: "name",
            back: "certificate",
            missing: "SNI not found",
        })
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("cert", cert().required())
        .field("key", key().required())
        .field("cert_alt", cert())
        .field("key_alt", key())
        .field("tags", formats::tags())
        .field("snis", array(string().text(formats::wildcard_host)).noted("transient"))
        .check(Check::MutuallyRequired(names(&["cert_alt", "key_alt"])))
        .check(custom(&["cert", "key"], |entity| {
            belongs(entity, "cert", "key", "certificate does not match key")
        }))
        .check(custom(&["cert_alt", "key_alt"], |entity| {
            belongs(entity, "cert_alt", "key_alt", "alternative certificate does not match key")
        }))
        .check(custom(&["cert", "cert_alt"], differ))
}

fn belongs(entity: &Document, cert: &str, key: &str, err: &str) -> Result<(), String> {
    let text = |name| entity.get(name).and_then(|value: &serde_json::Value| value.as_str());
    let (Some(cert), Some(key)) = (text(cert), text(key)) else {
        return Ok(());
    };
    if certificate(cert)?.key == private_key(key)? { Ok(()) } else { Err(err.to_owned()) }
}

fn differ(entity: &Document) -> Result<(), String> {
    let text = |name| entity.get(name).and_then(|value: &serde_json::Value| value.as_str());
    let (Some(one), Some(other)) = (text("cert"), text("cert_alt")) else {
        return Ok(());
    };
    if certificate(one)?.algorithm != certificate(other)?.algorithm {
        return Ok(());
    }
    Err("certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), \
         the provided certificates were both of the same type"
        .to_owned())
}
