//! Which values of an entity are secret, and the entity without them: for the audit log, and for readers
//! who may see everything but these.
//!
//! A field is secret if its rules mark it so, or if its name says so: plugins come with schemas of
//! anybody's making. When in doubt a value is hidden.

use serde_json::Value;

use super::field::{Field, Fields, REFERENCEABLE, Shape};
use super::kind::{Kind, Variant};
use super::record::Document;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Fields that carry a mark, or a name of [`NAMES`], and are no secrets.
const PUBLIC: [&str; 11] = [
    "cert",
    "cert_alt",
    "public_key",
    "rsa_public_key",
    "key_names",
    "key_in_header",
    "key_in_query",
    "key_in_body",
    "token_type",
    "host",
    "path",
];

/// Parts of names that speak of a secret.
const NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "private",
    "credential",
    "authorization",
    "api_key",
    "apikey",
    "access_key",
    "signature",
    "cookie",
];

/// Secrets of the kinds that neither mark nor name tells.
const KNOWN: [(&str, &str); 4] = [
    ("admin_tokens", "digest"),
    ("certificates", "key"),
    ("keyauth_credentials", "key"),
    ("oauth2_authorization_codes", "code"),
];

impl Kind {
    /// The entity without its secrets. `rules` are those of the plugin that an assignment names; while
    /// nobody knows them, every text of its configuration is hidden.
    #[must_use]
    pub fn redacted(&self, entity: &Document, rules: Option<&Variant>) -> Document {
        let mut shown = entity.clone();
        // Its schemas name secrets, and hold none.
        if self.name == "custom_plugins" {
            return shown;
        }
        for (name, value) in &mut shown {
            let rule = rules.and_then(|rules| rules.field(name)).or_else(|| self.fields().get(name));
            let known = KNOWN.contains(&(self.name, name));
            let unread = self.given_by().is_some() && name == "config" && rules.is_none();
            hide(value, name, if unread { None } else { rule }, known || unread);
        }
        shown
    }

    /// Whether the value that stands for the id in a path is a secret.
    #[must_use]
    pub fn has_secret_key(&self) -> bool {
        let key = self.key_below.and_then(|key| key.fields.last().copied()).or(self.endpoint_key);
        key.is_some_and(|key| KNOWN.contains(&(self.name, key)) || speaks_of_secret(key))
    }
}

impl Variant {
    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

/// Hides the texts in a value: all of them if `secret`, and else where a rule or a name says so.
fn hide(value: &mut Value, name: &str, rule: Option<&Field>, secret: bool) {
    let marked = |rule: &Field| rule.notes.iter().any(|note| ["encrypted", REFERENCEABLE].contains(note));
    let is_public = PUBLIC.contains(&name);
    let secret = secret || !is_public && (rule.is_some_and(marked) || speaks_of_secret(name));
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                hide(value, name, rule.and_then(|rule| below(rule, name)), secret);
            }
        }
        Value::Array(list) => {
            for value in list {
                hide(value, name, rule.and_then(elements), secret);
            }
        }
        Value::String(text) if secret => REDACTED.clone_into(text),
        // A text such as `Authorization: Basic …` or `name:value` in a list of headers.
        Value::String(text) if carries_secret(text) => REDACTED.clone_into(text),
        Value::Number(_) if secret => *value = REDACTED.into(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn speaks_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES.iter().any(|part| name.contains(part))
}

/// `name: value` and `name=value` where the name speaks of a secret, and URLs with a password.
fn carries_secret(text: &str) -> bool {
    let pair = text.split_once([':', '=']).filter(|(name, _)| name.len() <= 64 && !name.contains(' '));
    let in_url = text.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    pair.is_some_and(|(name, value)| !value.is_empty() && speaks_of_secret(name))
        || in_url.is_some_and(|authority| authority.contains('@'))
}

fn below<'a>(rule: &'a Field, name: &str) -> Option<&'a Field> {
    match &rule.shape {
        Shape::Record(fields) => Fields::get(fields, name),
        Shape::Map { values, .. } => Some(values),
        Shape::String
        | Shape::Integer
        | Shape::Number
        | Shape::Boolean
        | Shape::Array(_)
        | Shape::Set(_)
        | Shape::Foreign(_)
        | Shape::Json => None,
    }
}

fn elements(rule: &Field) -> Option<&Field> {
    match &rule.shape {
        Shape::Array(elements) | Shape::Set(elements) => Some(elements),
        Shape::String
        | Shape::Integer
        | Shape::Number
        | Shape::Boolean
        | Shape::Map { .. }
        | Shape::Record(_)
        | Shape::Foreign(_)
        | Shape::Json => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{kind, schema};

    fn document(value: Value) -> Document {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn secrets_of_every_kind_are_hidden() {
        for (name, entity, hidden) in [
            ("keyauth_credentials", json!({"key": "s3cret", "tags": ["a"]}), vec!["/key"]),
            ("basicauth_credentials", json!({"username": "u", "password": "s3cret"}), vec!["/password"]),
            ("hmacauth_credentials", json!({"username": "u", "secret": "s3cret"}), vec!["/secret"]),
            (
                "jwt_secrets",
                json!({"key": "iss", "secret": "s3cret", "rsa_public_key": "p"}),
                vec!["/secret"],
            ),
            (
                "oauth2_credentials",
                json!({"client_id": "i", "client_secret": "s3cret"}),
                vec!["/client_secret"],
            ),
            (
                "oauth2_tokens",
                json!({"access_token": "s3cret", "refresh_token": "s3cret", "token_type": "bearer"}),
                vec!["/access_token", "/refresh_token"],
            ),
            ("oauth2_authorization_codes", json!({"code": "s3cret"}), vec!["/code"]),
            (
                "certificates",
                json!({"cert": "c", "key": "s3cret", "key_alt": "s3cret"}),
                vec!["/key", "/key_alt"],
            ),
            ("keys", json!({"jwk": "s3cret", "kid": "1"}), vec!["/jwk"]),
            ("keys", json!({"pem": {"private_key": "s3cret", "public_key": "p"}}), vec!["/pem/private_key"]),
            ("admin_tokens", json!({"name": "n", "digest": "s3cret"}), vec!["/digest"]),
            ("services", json!({"host": "h", "password": null}), vec![]),
        ] {
            let shown = Value::Object(kind(name).unwrap().redacted(&document(entity.clone()), None));
            assert!(!shown.to_string().contains("s3cret"), "{name}: {shown}");
            let mut want = entity;
            hidden.iter().for_each(|at| *want.pointer_mut(at).unwrap() = REDACTED.into());
            assert_eq!(shown, want, "{name}");
        }
    }

    #[test]
    fn a_configuration_hides_what_is_marked_or_named_so() {
        let schema = json!({"type": "object", "properties": {
            "pepper": {"type": "string", "x-encrypted": true},
            "greeting": {"type": "string"},
            "limit": {"type": "integer"},
            "redis": {"type": "object", "properties": {
                "host": {"type": "string", "x-referenceable": true}, "password": {"type": "string"}
            }},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "add": {"type": "array", "items": {"type": "string"}}
        }});
        let rules = schema::plugin_rules(&schema, false).unwrap();
        let config = json!({
            "pepper": "s3cret", "greeting": "hello", "limit": 5,
            "redis": {"host": "h", "password": "s3cret"},
            "headers": {"Authorization": "s3cret", "X-Team": "a"},
            "add": ["Cookie: s3cret", "X-A: b", "http://u:s3cret@h/"],
        });
        let entity = document(json!({"name": "x", "config": config}));
        let plugins = kind("plugins").unwrap();
        let shown = plugins.redacted(&entity, Some(&rules));
        let want = json!({
            "pepper": REDACTED, "greeting": "hello", "limit": 5,
            "redis": {"host": "h", "password": REDACTED},
            "headers": {"Authorization": REDACTED, "X-Team": "a"},
            "add": [REDACTED, "X-A: b", REDACTED],
        });
        assert_eq!(shown["config"], want);
        let unread = plugins.redacted(&entity, None);
        assert_eq!(unread["config"]["greeting"], REDACTED, "nobody knows what it is");
        assert_eq!(unread["name"], "x");
    }

    #[test]
    fn keys_in_paths_may_be_secrets() {
        let secret: Vec<&str> =
            crate::model::kinds().iter().filter(|kind| kind.has_secret_key()).map(|kind| kind.name).collect();
        assert_eq!(secret, ["keyauth_credentials", "oauth2_tokens"]);
    }
}
