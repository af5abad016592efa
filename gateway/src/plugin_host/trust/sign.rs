//! Signing, for `weir plugin sign`: the gateway itself never holds a private key.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TrustedKey;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` writes it")]
pub struct SignError;

/// Signs a component with a private key in PKCS#8 PEM. Gives the 64 bytes and the public key.
///
/// # Errors
///
/// [`SignError`] if the key is not one.
pub fn sign(pem: &str, component: &[u8]) -> Result<(Vec<u8>, TrustedKey), SignError> {
    let body = pem.split_once(BEGIN).and_then(|(_, rest)| Some(rest.split_once(END)?.0)).ok_or(SignError)?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).map_err(|_| SignError)?;
    // OpenSSL writes version 1 of PKCS#8, which has no public key to compare with.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| SignError)?;
    let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| SignError)?;
    Ok((pair.sign(component).as_ref().to_vec(), public.into()))
}
