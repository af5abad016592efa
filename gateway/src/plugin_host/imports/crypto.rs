//! `crypto`: digests and signatures at native speed.
//!
//! All of it runs on the worker's thread, so that each call costs as many host calls as it takes time:
//! what one call of a plugin can do here is bounded by `host_calls`, whatever the sizes are.

use aws_lc_rs::{digest, hmac};
use hmac_of_md5::md5_hmac;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::public_key::PublicKey;
use crate::plugin_host::bindings::weir::plugin::crypto::{Algorithm, Digest, Host, HostPublicKey};
use crate::plugin_host::guest::CallState;

/// Bytes that are digested for the price of one host call: tens of microseconds at most.
const BYTES_A_CALL: usize = 16 << 10;
/// Host calls that a public-key operation counts for.
const VERIFY_CALLS: u32 = 20;
/// Longest text of a key.
const MAX_KEY_TEXT: usize = 16 << 10;
const NOT_GRANTED: &str = "denied: `crypto` is not granted";

impl CallState {
    /// Counts the work on `bytes`.
    pub(super) fn charge_bytes(&mut self, bytes: usize) -> Result<()> {
        self.charge_many(calls_of(bytes))
    }

    /// For functions that have no way to say "denied".
    fn may_compute(&self) -> Result<()> {
        if self.core.grants.crypto { Ok(()) } else { Err(wasmtime::Error::msg(NOT_GRANTED)) }
    }

    fn keep_key(
        &mut self,
        text: &str,
        read: fn(&str) -> std::result::Result<PublicKey, String>,
    ) -> Result<std::result::Result<Resource<PublicKey>, String>> {
        self.charge_many(VERIFY_CALLS)?;
        if !self.core.grants.crypto {
            return Ok(Err(NOT_GRANTED.to_owned()));
        }
        if text.len() > MAX_KEY_TEXT {
            return Ok(Err("a key may have 16 KiB".to_owned()));
        }
        match read(text) {
            Ok(key) => Ok(Ok(self.keys.push(key)?)),
            Err(reason) => Ok(Err(reason)),
        }
    }
}

/// Host calls that a digest of `bytes` counts for.
fn calls_of(bytes: usize) -> u32 {
    u32::try_from(bytes / BYTES_A_CALL).unwrap_or(u32::MAX).saturating_add(1)
}

impl Host for CallState {
    fn hmac(&mut self, which: Digest, key: Vec<u8>, message: Vec<u8>) -> Result<Vec<u8>> {
        self.charge_repeatable(calls_of(key.len().saturating_add(message.len())))?;
        self.may_compute()?;
        let algorithm = match which {
            Digest::Md5 => return Ok(md5_hmac(&key, &message)),
            Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => hmac::HMAC_SHA256,
            Digest::Sha384 => hmac::HMAC_SHA384,
            Digest::Sha512 => hmac::HMAC_SHA512,
        };
        Ok(hmac::sign(&hmac::Key::new(algorithm, &key), &message).as_ref().to_vec())
    }

    fn hash(&mut self, which: Digest, message: Vec<u8>) -> Result<Vec<u8>> {
        self.charge_repeatable(calls_of(message.len()))?;
        self.may_compute()?;
        let algorithm = match which {
            Digest::Md5 => return Ok(<md5::Md5 as md5::Digest>::digest(&message).to_vec()),
            Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => &digest::SHA256,
            Digest::Sha384 => &digest::SHA384,
            Digest::Sha512 => &digest::SHA512,
        };
        Ok(digest::digest(algorithm, &message).as_ref().to_vec())
    }
}

impl HostPublicKey for CallState {
    fn from_jwk(&mut self, jwk: String) -> Result<std::result::Result<Resource<PublicKey>, String>> {
        self.keep_key(&jwk, PublicKey::from_jwk)
    }

    fn from_pem(&mut self, pem: String) -> Result<std::result::Result<Resource<PublicKey>, String>> {
        self.keep_key(&pem, PublicKey::from_pem)
    }

    fn verify(
        &mut self,
        key: Resource<PublicKey>,
        algorithm: Algorithm,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<bool> {
        self.charge_many(VERIFY_CALLS)?;
        self.charge_bytes(message.len())?;
        Ok(self.keys.get(&key)?.verify(algorithm, &message, &signature))
    }

    fn drop(&mut self, key: Resource<PublicKey>) -> Result<()> {
        self.keys.delete(&key);
        Ok(())
    }
}

/// The one digest that aws-lc-rs does not have.
mod hmac_of_md5 {
    use hmac::{Hmac, KeyInit, Mac};
    use md5::Md5;

    pub(super) fn md5_hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length: the error cannot come.
        let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else { return Vec::new() };
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }
}
