//! OAuth 2.0: applications, and the codes and tokens that they are given.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use uuid::Uuid;

use crate::model::field::{array, boolean, foreign, integer, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};
use crate::model::record::Document;
use crate::model::violations::Violations;

/// Rounds and bytes of a hashed secret, as in Kong.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);
const LENGTH: usize = 32;
/// How a hashed secret begins.
const HASHED: &str = "$pbkdf2-sha512$";

/// An application that acts for somebody.
pub(super) fn credentials() -> Kind {
    Kind::new("oauth2_credentials")
        .paths("oauth2", "oauth2")
        .endpoint_key("client_id")
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("name", string().required())
        .field("client_id", string().unique().auto())
        .field("client_secret", string().auto().encrypted())
        .field("hash_secret", boolean().default(false).required())
        .field("redirect_uris", array(string().text(formats::redirect_uri)))
        .field("tags", formats::tags())
        .field("client_type", string().default("confidential").required().one_of(&["confidential", "public"]))
        .settle(hash)
}

/// A code that is exchanged for a token. The Admin API does not show them.
pub(super) fn authorization_codes() -> Kind {
    Kind::new("oauth2_authorization_codes")
        .special()
        .with_ttl()
        .field("id", id())
        .field("created_at", created_at())
        .field("service", foreign("services").default(Value::Null).cascade())
        .field("credential", foreign("oauth2_credentials").required().cascade())
        .field("code", string().unique().auto().secret())
        .field("authenticated_userid", string())
        .field("scope", string())
        .field("challenge", string())
        .field("challenge_method", string().one_of(&["S256"]))
        .field("plugin", foreign("plugins").default(Value::Null).cascade())
}

/// A token that a client shows.
pub(super) fn tokens() -> Kind {
    Kind::new("oauth2_tokens")
        .endpoint_key("access_token")
        .with_ttl()
        .field("id", id())
        .field("created_at", created_at())
        .field("service", foreign("services").default(Value::Null).cascade())
        .field("credential", foreign("oauth2_credentials").required().cascade())
        .field("token_type", string().default("bearer").required().one_of(&["bearer"]))
        .field("expires_in", integer().required())
        .field("access_token", string().unique().auto().secret())
        .field("refresh_token", string().unique().secret())
        .field("authenticated_userid", string())
        .field("scope", string())
}

/// With `hash_secret` only a hash of the secret is kept.
fn hash(entity: &mut Document, change: Option<(&Document, &Document)>) -> Result<(), Violations> {
    let secret = entity.get("client_secret").and_then(Value::as_str);
    let (Some(secret), Some(true)) = (secret, entity.get("hash_secret").and_then(Value::as_bool)) else {
        return Ok(());
    };
    let kept = change.is_some_and(|(_, sent)| sent.get("client_secret").is_none());
    if kept && secret.starts_with(HASHED) {
        return Ok(());
    }
    let hashed = hashed(secret, Uuid::new_v4().as_bytes());
    entity.insert("client_secret".to_owned(), hashed.into());
    Ok(())
}

/// PBKDF2 in the PHC string format.
fn hashed(secret: &str, salt: &[u8]) -> String {
    let mut key = [0; LENGTH];
    pbkdf2::derive(PBKDF2_HMAC_SHA512, ROUNDS, salt, secret.as_bytes(), &mut key);
    let (salt, key) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(key));
    format!("{HASHED}i={ROUNDS},l={LENGTH}${salt}${key}")
}
