//! Texts as the index tables hold them.
//!
//! A B-tree entry of Postgres ends at some 2 700 bytes, and its text knows no NUL: a value that will
//! not fit is held by its digest. Finding works the same, since the question is treated the same.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::sealing::KEYED;

const LONGEST: usize = 512;
const PREFIX: &str = "\u{1}sha256:";

/// The form of `text` in `entity_keys`, in `entity_tags` and in the change feed.
///
/// A value that looks like a digest is digested too: knowing the digest of a key must not be as good as
/// knowing the key.
pub(super) fn indexed(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST
        && !text.contains('\0')
        && ![PREFIX, KEYED].iter().any(|form| text.starts_with(form))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{PREFIX}{}", sha256_hex(text.as_bytes())))
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_fit_are_kept_as_they_are() {
        let long = "x".repeat(LONGEST + 1);
        let fits = "x".repeat(LONGEST);
        let digest = indexed(&long).into_owned();
        assert_eq!(indexed("key"), "key");
        assert_eq!(indexed(&fits), fits);
        assert!(digest.starts_with(PREFIX) && digest.len() < 100);
        assert_ne!(indexed(&digest), digest, "the digest of a long key is not that key");
        assert!(!indexed("a\0b").contains('\0'));
        let keyed = format!("{KEYED}00");
        assert_ne!(indexed(&keyed), keyed, "the hash of a key is not that key");
    }
}
