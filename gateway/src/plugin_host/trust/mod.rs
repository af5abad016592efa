//! Whose components this node runs: detached Ed25519 signatures over a component's bytes, against
//! keys that the operator lists.
//!
//! The signature is that of RFC 8032 over the whole file, with no prefix and no hash before it, so
//! that `openssl pkeyutl -sign -rawin` makes one. It is looked at when a component comes in and again
//! whenever its bytes are loaded: what a key vouched for is not run once the key is off the list.
//!
//! Deliberately not here: chains, validity periods and transparency logs. A list of keys is what an
//! operator can read.

mod key;
mod sign;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{KeyError, TrustedKey};
pub use sign::{SignError, sign};

use super::AdmissionError;

/// Bytes of a signature.
const SIGNATURE: usize = 64;

/// What an operator asks of components.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// Nothing.
    #[default]
    Off,
    /// One without a good signature runs, and the log says so.
    Warn,
    /// One without a good signature does not run.
    Require,
}

/// What the signatures of a component are worth on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A listed key signed these very bytes.
    Signed {
        /// Which.
        key: String,
    },
    /// There are signatures, and none of them is one of a listed key over these bytes.
    Unknown,
    /// There is no signature.
    Unsigned,
}

/// Keys, and what is asked of components. Cheap to clone behind an `Arc`.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    policy: SignaturePolicy,
    keys: Vec<TrustedKey>,
}

impl Trust {
    /// Asks for what `policy` says, by these keys.
    pub fn new(policy: SignaturePolicy, keys: Vec<TrustedKey>) -> Self {
        Self { policy, keys }
    }

    /// What the signatures are worth: each is 64 bytes in base64.
    pub fn standing(&self, component: &[u8], signatures: &[String]) -> Standing {
        if signatures.is_empty() {
            return Standing::Unsigned;
        }
        let decoded = signatures.iter().filter_map(|text| STANDARD.decode(text).ok());
        let by = decoded.flat_map(|signature| {
            self.keys.iter().filter(move |key| key.signed(component, &signature)).map(TrustedKey::id)
        });
        by.into_iter().next().map_or(Standing::Unknown, |key| Standing::Signed { key })
    }

    /// Lets a component in, or not.
    ///
    /// # Errors
    ///
    /// [`AdmissionError::Signature`] if a good signature is required and missing.
    pub fn admit(&self, component: &[u8], signatures: &[String]) -> Result<(), AdmissionError> {
        let lacks = match (self.policy, self.standing(component, signatures)) {
            (SignaturePolicy::Off, _) | (_, Standing::Signed { .. }) => return Ok(()),
            (_, Standing::Unknown) => "none of its signatures is one of a trusted key over these bytes",
            (_, Standing::Unsigned) => "it carries no signature",
        };
        if self.policy == SignaturePolicy::Require {
            return Err(AdmissionError::Signature(lacks));
        }
        tracing::warn!("a component is taken although {lacks}");
        Ok(())
    }
}

/// Reads a signature as a file holds it: 64 bytes as they are, or in base64.
///
/// # Errors
///
/// [`KeyError::Signature`] if it is neither.
pub fn read_signature(bytes: &[u8]) -> Result<String, KeyError> {
    if bytes.len() == SIGNATURE {
        return Ok(STANDARD.encode(bytes));
    }
    let decoded = STANDARD.decode(bytes.trim_ascii()).ok().filter(|decoded| decoded.len() == SIGNATURE);
    decoded.map(|decoded| STANDARD.encode(decoded)).ok_or(KeyError::Signature)
}

#[cfg(test)]
mod tests;
