//! Tokens of the Admin API: who may do what there. The token itself is kept nowhere, only its digest.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::model::field::string;
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};

/// Names of the roles, from the weakest.
pub const ADMIN_ROLES: [&str; 4] = ["read-only", "plugin-author", "operator", "admin"];

/// How every token begins, so that one that was lost somewhere can be found.
const MARK: &str = "weir_";
/// Random bytes of a token. Nobody guesses them, so a plain digest is enough to keep.
const RANDOM: usize = 32;

pub(super) fn kind() -> Kind {
    Kind::new("admin_tokens")
        .special()
        .endpoint_key("name")
        .with_ttl()
        .field("id", id())
        .field("name", formats::name().required())
        .field("role", string().required().one_of(&ADMIN_ROLES))
        .field("scope", formats::tags())
        .field("comment", string())
        .field("digest", string().required().unique())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
}

/// A new token for the Admin API.
///
/// # Errors
///
/// The operating system has no random numbers.
pub fn new_admin_token() -> Result<String, &'static str> {
    let mut bytes = [0; RANDOM];
    rand::fill(&mut bytes).map_err(|_| "the operating system has no random numbers")?;
    Ok(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is kept of a token: the hex digits of its SHA-256.
#[must_use]
pub fn admin_token_digest(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, other) = (new_admin_token().unwrap(), new_admin_token().unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("weir_") && one.len() == 48, "{one}");
        assert!(one.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter)), "{one}");
        // From `printf abc | sha256sum`.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(admin_token_digest("abc"), abc);
    }
}
