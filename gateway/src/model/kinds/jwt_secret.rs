//! JWT secrets: an issuer's key, and what its tokens are signed with.

use crate::model::check::{Check, Then, When};
use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};
use crate::model::pem::public_key;
use crate::model::rule::{Pattern, Rule};

const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
    "PS512", "EdDSA",
];
/// Those that need a public key.
const WITH_KEY: [&str; 7] = ["^RS256$", "^RS384$", "^RS512$", "^PS256$", "^PS384$", "^PS512$", "^EdDSA$"];

pub(super) fn kind() -> Kind {
    let patterns = WITH_KEY.iter().map(|pattern| Pattern::lua(pattern)).collect();
    Kind::new("jwt_secrets")
        .paths("jwts", "jwt")
        .endpoint_key("key")
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("key", string().unique().auto())
        .field("secret", string().auto().secret())
        .field("rsa_public_key", string())
        .field("algorithm", string().default("HS256").one_of(&ALGORITHMS))
        .field("tags", formats::tags())
        .check(Check::Conditional {
            when: When { field: "algorithm".to_owned(), rules: vec![Rule::MatchAny { patterns, err: None }] },
            then_field: "rsa_public_key".to_owned(),
            then: Then { required: true, rules: vec![Rule::Text(|text| public_key(text).map(drop))] },
            err: None,
        })
}
