//! Public keys from JWK and PEM, and what they verify.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use crate::plugin_host::bindings::weir::plugin::crypto::Algorithm;

/// Bytes of the modulus of an RSA key: 2048 to 4096 bits. Larger ones make a verification slow.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// Bytes of an RSA key of 4096 bits in DER, with room for the wrapping.
const MAX_RSA_DER: usize = 600;

/// A key that was found to be one.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct PublicKey {
    kind: Kind,
    /// As the library reads it: DER, or the point of a curve.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// The members of a JWK (RFC 7517, 7518, 8037) that public keys need.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl PublicKey {
    /// Reads one key in JSON.
    pub(super) fn from_jwk(text: &str) -> Result<Self, String> {
        let jwk: Jwk = serde_json::from_str(text).map_err(|_| "not a JWK".to_owned())?;
        let (kind, bytes) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (Kind::Rsa, rsa_der(&part(jwk.n, "n")?, &part(jwk.e, "e")?)?),
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, part(jwk.x, "x")?),
            ("EC", Some(curve)) => {
                let (kind, size) = match curve {
                    "P-256" => (Kind::P256, 32),
                    "P-384" => (Kind::P384, 48),
                    "P-521" => (Kind::P521, 66),
                    _ => return Err("the curve is one of: P-256, P-384, P-521, Ed25519".to_owned()),
                };
                (kind, point(&part(jwk.x, "x")?, &part(jwk.y, "y")?, size)?)
            }
            _ => return Err("the key type is one of: RSA, EC, OKP".to_owned()),
        };
        Self { kind, bytes }.checked()
    }

    /// Reads a `PUBLIC KEY` block (RFC 7468).
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        let der = der.map_err(|_| "not a PEM text with a PUBLIC KEY block".to_owned())?;
        let kinds = [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519];
        let found = kinds.into_iter().find_map(|kind| Self { kind, bytes: der.to_vec() }.checked().ok());
        found.ok_or_else(|| "not a key of RSA (2048 to 4096 bits), P-256, P-384, P-521 or Ed25519".to_owned())
    }

    /// Whether `signature` is one of `message` by this key. False as well if the key is of another kind.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let (kind, method) = method(algorithm);
        kind == self.kind && UnparsedPublicKey::new(method, &self.bytes).verify(message, signature).is_ok()
    }

    fn checked(self) -> Result<Self, String> {
        let method = match self.kind {
            Kind::Rsa if self.bytes.len() > MAX_RSA_DER => return Err("the RSA key is too large".to_owned()),
            Kind::Rsa => method(Algorithm::Rs256).1,
            Kind::P256 => method(Algorithm::Es256).1,
            Kind::P384 => method(Algorithm::Es384).1,
            Kind::P521 => method(Algorithm::Es512).1,
            Kind::Ed25519 => method(Algorithm::Eddsa).1,
        };
        match UnparsedPublicKey::new(method, &self.bytes).parse() {
            Ok(_) => Ok(self),
            Err(_) => Err("the key is not valid".to_owned()),
        }
    }
}

fn method(algorithm: Algorithm) -> (Kind, &'static dyn VerificationAlgorithm) {
    fn rsa(parameters: &'static RsaParameters) -> (Kind, &'static dyn VerificationAlgorithm) {
        (Kind::Rsa, parameters)
    }
    fn ec(
        kind: Kind,
        curve: &'static EcdsaVerificationAlgorithm,
    ) -> (Kind, &'static dyn VerificationAlgorithm) {
        (kind, curve)
    }
    match algorithm {
        Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => ec(Kind::P256, &signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => ec(Kind::P384, &signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => ec(Kind::P521, &signature::ECDSA_P521_SHA512_FIXED),
        Algorithm::Eddsa => (Kind::Ed25519, &signature::ED25519),
    }
}

fn part(text: Option<String>, name: &str) -> Result<Vec<u8>, String> {
    let text = text.ok_or_else(|| format!("`{name}` is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` is not base64url without padding"))
}

/// An uncompressed point (SEC 1, 2.3.3).
fn point(x: &[u8], y: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if x.len() != size || y.len() != size {
        return Err(format!("`x` and `y` have {size} bytes on this curve"));
    }
    Ok([&[4], x, y].concat())
}

/// `RSAPublicKey` of RFC 8017, A.1.1.
fn rsa_der(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, String> {
    let modulus = significant(modulus);
    let exponent = significant(exponent);
    if !MODULUS.contains(&modulus.len()) {
        return Err("an RSA key has 2048 to 4096 bits".to_owned());
    }
    if !(1..=5).contains(&exponent.len()) {
        return Err("the RSA exponent has 1 to 5 bytes".to_owned());
    }
    Ok(tagged(0x30, &[integer(modulus), integer(exponent)].concat()))
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A number above zero in DER; a zero byte keeps it positive.
fn integer(number: &[u8]) -> Vec<u8> {
    let negative = number.first().is_some_and(|byte| byte & 0x80 != 0);
    let sign: &[u8] = if negative { &[0] } else { &[] };
    tagged(0x02, &[sign, number].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = significant(&length);
    let mut der = vec![tag];
    match content.len() {
        0..128 => der.extend(length),
        // The first byte counts those of the length, which are 8 at most.
        _ => {
            der.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            der.extend(length);
        }
    }
    der.extend(content);
    der
}

#[cfg(test)]
mod tests;
