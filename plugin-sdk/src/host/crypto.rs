//! Digests and signatures at native speed: capability `crypto`.

use super::raw::crypto;

pub use crate::bindings::imports::weir::plugin::crypto::{Algorithm, Digest};

/// A key that verifies signatures. Make it in `configure` and keep it: reading one takes longer than using it.
pub struct PublicKey(crypto::PublicKey);

impl PublicKey {
    /// Reads a JWK: RSA of 2048 to 4096 bits, P-256, P-384, P-521 or Ed25519.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong with it.
    pub fn from_jwk(jwk_json: &str) -> Result<Self, String> {
        crypto::PublicKey::from_jwk(jwk_json).map(Self)
    }

    /// Reads a PEM text with a `PUBLIC KEY` block.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong with it.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        crypto::PublicKey::from_pem(pem).map(Self)
    }

    /// Whether `signature` is one of `message`, as JWS writes it. False if the algorithm is not one of this
    /// key's kind.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(algorithm, message, signature)
    }
}

/// HMAC (RFC 2104).
pub fn hmac(digest: Digest, key: &[u8], message: &[u8]) -> Vec<u8> {
    crypto::hmac(digest, key, message)
}

/// The digest of a message.
pub fn hash(digest: Digest, message: &[u8]) -> Vec<u8> {
    crypto::hash(digest, message)
}
