//! The username and password that a request carries (RFC 7617).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use weir_plugin_sdk::auth;
use weir_plugin_sdk::crypto::{self, Digest};

/// Takes what Kong takes: clients differ in how they end a text.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A username and a password as they were sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) username: String,
    /// Any bytes: clients encode letters as they like.
    password: Vec<u8>,
}

impl Login {
    /// Reads the value of an `Authorization` header; `None` if it holds no usable username.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let mut bytes = BASE64.decode(auth::after_scheme("basic", value)?).ok()?;
        let colon = bytes.iter().position(|byte| *byte == b':')?;
        let password = bytes.split_off(colon + 1);
        bytes.truncate(colon);
        let username = String::from_utf8(bytes).ok()?;
        // No store has a name with a NUL, and some would fail over it.
        let usable = !username.is_empty() && !username.contains('\0');
        usable.then_some(Self { username, password })
    }

    /// Whether this is the password of which `hash` is kept: SHA-1 over it and the consumer's id, in hex.
    pub(crate) fn is_for(&self, consumer: &str, hash: &str) -> bool {
        let digest = crypto::hash(Digest::Sha1, &[&self.password, consumer.as_bytes()].concat());
        auth::is_same(&hex(&digest), hash.as_bytes())
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let login = |username: &str, password: &[u8]| {
            Some(Login { username: username.into(), password: password.into() })
        };
        for (case, value, want) in [
            ("a plain one", "Basic Ym9iOnNlY3JldA==", login("bob", b"secret")),
            ("the scheme in lower case", "basic Ym9iOnNlY3JldA==", login("bob", b"secret")),
            ("without padding", "Basic Ym9iOnNlY3JldA", login("bob", b"secret")),
            ("with bits left over", "Basic Ym9iOnNlY3JldB==", login("bob", b"secret")),
            ("with spaces around", "Basic   Ym9iOnNlY3JldA== ", login("bob", b"secret")),
            ("colons in the password", "Basic Ym9iOmE6Yjo=", login("bob", b"a:b:")),
            ("an empty password", "Basic Ym9iOg==", login("bob", b"")),
            ("letters beyond ASCII", "Basic YsO2YjrDvA==", login("b\u{f6}b", "\u{fc}".as_bytes())),
            ("a password in Latin-1", "Basic Ym9iOvw=", login("bob", b"\xfc")),
            ("a username in Latin-1", "Basic YvZiOng=", None),
            ("a NUL in the username", "Basic Ym8AYjp4", None),
            ("no username", "Basic OnNlY3JldA==", None),
            ("no colon", "Basic Ym9i", None),
            ("not base64", "Basic bob:secret", None),
            ("text behind the padding", "Basic Ym9iOnNlY3JldA==x", None),
            ("nothing behind the scheme", "Basic", None),
            ("another scheme", "Bearer Ym9iOnNlY3JldA==", None),
            ("nothing", "", None),
        ] {
            assert_eq!(Login::read(value), want, "{case}");
        }
    }

    #[test]
    fn a_password_is_known_by_kongs_hash() {
        let login = Login { username: "bob".into(), password: b"secret".to_vec() };
        let consumer = "fa8c6e9a-2f4e-4d5a-9c93-5d1a9d5bb1f1";
        let hash = "bb99d049faca9c615657e1a57911dbc37a9055e6";
        for (case, consumer, hash, want) in [
            ("the hash", consumer, hash, true),
            ("of another consumer", "fa8c6e9a-2f4e-4d5a-9c93-5d1a9d5bb1f2", hash, false),
            ("the password itself", consumer, "secret", false),
            ("no hash", consumer, "", false),
        ] {
            assert_eq!(login.is_for(consumer, hash), want, "{case}");
        }
    }
}
