//! Finding a secret by its value without storing the value: a keyed hash stands for it in indexes.
//!
//! The key is random and lies in the database, sealed with the operator's. So it outlives a change of
//! the operator's keys, and a look-up never has to try several.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::{Keyring, OpenError};

/// How a keyed hash begins.
pub const KEYED: &str = "\u{1}hmac:";

/// The place that it is sealed for.
const PLACE: &[&str] = &["index key"];
const BYTES: usize = 32;

/// The key of the hashes.
pub struct IndexKey {
    key: hmac::Key,
    sealed: String,
}

impl IndexKey {
    /// A new one, sealed with the active key; `None` only if the random source fails.
    pub fn new(keys: &Keyring) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(bytes.as_mut_slice()).ok()?;
        let sealed = keys.seal(bytes.as_slice(), PLACE)?;
        Some(Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()), sealed })
    }

    /// One that was kept.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`].
    pub fn open(sealed: &str, keys: &Keyring) -> Result<Self, OpenError> {
        let bytes = keys.open(sealed, PLACE)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes), sealed: sealed.to_owned() })
    }

    /// The kept form of `sealed` under the active key of `keys`.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`].
    pub fn resealed(sealed: &str, keys: &Keyring) -> Result<String, OpenError> {
        let bytes = keys.open(sealed, PLACE)?;
        keys.seal(&bytes, PLACE).ok_or(OpenError::Form)
    }

    /// The form in which it is kept.
    pub fn sealed(&self) -> &str {
        &self.sealed
    }

    /// What stands for `value` in the index of a field. One hash and one allocation.
    pub fn text(&self, kind: &str, field: &str, value: &str) -> String {
        let mut hashing = hmac::Context::with_key(&self.key);
        for part in [kind, "\0", field, "\0", value] {
            hashing.update(part.as_bytes());
        }
        let hash = hashing.sign();
        let mut text = String::with_capacity(KEYED.len() + 64);
        text.push_str(KEYED);
        for byte in hash.as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_outlives_a_change_of_keys() {
        let old = Keyring::parse("old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let text = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=,old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let both = Keyring::parse(text).unwrap();
        let first = IndexKey::new(&old).unwrap();
        let later = IndexKey::resealed(first.sealed(), &both).unwrap();
        assert_eq!(Keyring::key_of(&later), Some("new"));
        let later = IndexKey::open(&later, &both).unwrap();
        let hash = first.text("keyauth_credentials", "key", "hunter2");
        assert_eq!(hash, later.text("keyauth_credentials", "key", "hunter2"));
        assert!(hash.starts_with(KEYED) && !hash.contains("hunter2"));
        assert_ne!(hash, first.text("keyauth_credentials", "key", "hunter3"));
        assert_ne!(hash, first.text("oauth2_tokens", "key", "hunter2"));
        assert_ne!(hash, IndexKey::new(&old).unwrap().text("keyauth_credentials", "key", "hunter2"));
    }
}
