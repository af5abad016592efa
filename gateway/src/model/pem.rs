//! Certificates and keys as texts: PEM (RFC 7468) and JWK (RFC 7517), read and compared.
//!
//! It says whether a text is one, and which public key is in it. It deliberately verifies no chain
//! and no signature: that is the business of whoever uses the certificate.

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// What of a certificate the rules ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Content of its public key's bit string.
    pub(super) key: Vec<u8>,
    /// Object identifier of the key's algorithm.
    pub(super) algorithm: String,
    /// It has the basic constraint CA.
    pub(super) is_ca: bool,
    /// Unix second of its end.
    pub(super) not_after: i64,
    /// SHA-256 of its DER, in hex.
    pub(super) digest: String,
}

/// The first certificate of a text, which may be a chain.
pub(super) fn certificate(text: &str) -> Result<Certificate, String> {
    let bad = |why: &str| format!("invalid certificate: {why}");
    let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| bad("no CERTIFICATE block"))?;
    let (_, found) = X509Certificate::from_der(&der).map_err(|_| bad("not X.509 in DER"))?;
    Ok(Certificate {
        key: found.public_key().subject_public_key.data.to_vec(),
        algorithm: found.public_key().algorithm.algorithm.to_id_string(),
        is_ca: found.basic_constraints().ok().flatten().is_some_and(|found| found.value.ca),
        not_after: found.validity().not_after.timestamp(),
        digest: Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// The common name of the subject of a certificate in DER; `None` unless there is exactly one.
#[must_use]
pub fn subject_name(der: &[u8]) -> Option<String> {
    let (_, found) = X509Certificate::from_der(der).ok()?;
    let mut names = found.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    (names.next().is_none() && !name.is_empty()).then_some(name)
}

/// How many certificates a text has.
pub(super) fn certificates(text: &str) -> usize {
    CertificateDer::pem_slice_iter(text.as_bytes()).filter(Result::is_ok).count()
}

/// The public half of a private key: PKCS #8, PKCS #1 or SEC 1.
pub(super) fn private_key(text: &str) -> Result<Vec<u8>, String> {
    let bad = |why: &str| format!("invalid key: {why}");
    let der =
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| bad("no block with a private key"))?;
    let found = match &der {
        PrivateKeyDer::Pkcs1(der) => {
            RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(|pair| public(&pair))
        }
        PrivateKeyDer::Sec1(der) => ec(|curve| {
            EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok().map(|pair| public(&pair))
        }),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(|pair| public(&pair));
            let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(|pair| public(&pair));
            ec(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok().map(|pair| public(&pair)))
                .or_else(rsa)
                .or_else(ed25519)
        }
        _ => None,
    };
    found.ok_or_else(|| bad("not RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519"))
}

fn public(pair: &impl KeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

/// The first curve that takes the key.
fn ec(read: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let curves = [
        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    curves.into_iter().find_map(read)
}

/// The content of a public key's bit string. A key of RSA may stand there alone (RFC 8017, A.1.1).
pub(super) fn public_key(text: &str) -> Result<Vec<u8>, String> {
    let invalid = || "invalid key".to_owned();
    if let Some(key) = rsa_public_key(text) {
        return Ok(key);
    }
    let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|_| invalid())?;
    let (_, found) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| invalid())?;
    found.parsed().map_err(|_| invalid())?;
    Ok(found.subject_public_key.data.to_vec())
}

fn rsa_public_key(text: &str) -> Option<Vec<u8>> {
    let (_, block) = x509_parser::pem::parse_x509_pem(text.as_bytes()).ok()?;
    let found = RSAPublicKey::from_der(&block.contents).ok().filter(|_| block.label == "RSA PUBLIC KEY");
    let (rest, key) = found?;
    // DER keeps a positive number positive by a zero.
    let modulus = key.modulus.strip_prefix(&[0]).unwrap_or(key.modulus);
    (rest.is_empty() && is_rsa(modulus, key.exponent)).then(|| block.contents.clone())
}

/// The `kid` of a key in JSON that can be loaded.
pub(super) fn jwk_id(text: &str) -> Result<Option<String>, String> {
    let jwk: Value = serde_json::from_str(text).map_err(|_| "could not json decode jwk string".to_owned())?;
    if !is_key(&jwk) {
        return Err("could not load JWK, likely not a valid key".to_owned());
    }
    Ok(jwk.get("kid").and_then(Value::as_str).map(str::to_owned))
}

fn is_key(jwk: &Value) -> bool {
    let word = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let part = |name: &str| URL_SAFE_NO_PAD.decode(word(name)).ok();
    match (word("kty"), word("crv")) {
        ("RSA", _) => part("n").zip(part("e")).is_some_and(|(n, e)| is_rsa(&n, &e)),
        ("EC", "P-256") => is_point(&signature::ECDSA_P256_SHA256_FIXED, part("x"), part("y")),
        ("EC", "P-384") => is_point(&signature::ECDSA_P384_SHA384_FIXED, part("x"), part("y")),
        ("EC", "P-521") => is_point(&signature::ECDSA_P521_SHA512_FIXED, part("x"), part("y")),
        ("OKP", "Ed25519" | "X25519") => part("x").is_some_and(|x| x.len() == 32),
        ("OKP", "Ed448") => part("x").is_some_and(|x| x.len() == 57),
        ("OKP", "X448") => part("x").is_some_and(|x| x.len() == 56),
        _ => false,
    }
}

fn is_rsa(n: &[u8], e: &[u8]) -> bool {
    let key: Result<PublicEncryptingKey, _> = RsaPublicKeyComponents { n, e }.try_into();
    key.is_ok()
}

/// An uncompressed point (SEC 1, 2.3.3) that lies on the curve.
fn is_point(curve: &'static dyn VerificationAlgorithm, x: Option<Vec<u8>>, y: Option<Vec<u8>>) -> bool {
    let point = x.zip(y).map(|(x, y)| [&[4], x.as_slice(), y.as_slice()].concat());
    point.is_some_and(|point| UnparsedPublicKey::new(curve, &point).parse().is_ok())
}
