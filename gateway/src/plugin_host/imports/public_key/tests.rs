//! Keys of every kind, with the signatures of the RFCs and of keys that are made here.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaEncoding};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

#[test]
fn the_signatures_of_the_rfcs_are_good() {
    let es = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    for (case, algorithm, jwk, message, signature) in [
        (
            "RFC 8037, A.4",
            Algorithm::Eddsa,
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
        (
            "RFC 7515, A.3",
            Algorithm::Es256,
            json!({
                "kty": "EC", "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            }),
            es,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
    ] {
        let key = PublicKey::from_jwk(&jwk.to_string()).unwrap_or_else(|error| panic!("{case}: {error}"));
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verify(algorithm, message.as_bytes(), &signature), "{case}");
        assert!(!key.verify(algorithm, b"another message", &signature), "{case}: another message");
        assert!(!key.verify(Algorithm::Rs256, message.as_bytes(), &signature), "{case}: another algorithm");
        assert!(!key.verify(algorithm, message.as_bytes(), &[]), "{case}: no signature");
    }
}

#[test]
fn rsa_keys_verify_all_six() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // RFC 8017, A.1.1: two numbers behind headers of 9 and 2 bytes; the exponent is 65537.
    let der = pair.public_key().as_ref();
    let (n, e) = (&der[9..9 + 256], &der[der.len() - 3..]);
    assert_eq!(rsa_der(n, e).unwrap(), der);
    let jwk = json!({"kty": "RSA", "n": text(n), "e": text(e)});
    let key = PublicKey::from_jwk(&jwk.to_string()).unwrap();
    let encodings: [(Algorithm, &'static dyn RsaEncoding); 6] = [
        (Algorithm::Rs256, &signature::RSA_PKCS1_SHA256),
        (Algorithm::Rs384, &signature::RSA_PKCS1_SHA384),
        (Algorithm::Rs512, &signature::RSA_PKCS1_SHA512),
        (Algorithm::Ps256, &signature::RSA_PSS_SHA256),
        (Algorithm::Ps384, &signature::RSA_PSS_SHA384),
        (Algorithm::Ps512, &signature::RSA_PSS_SHA512),
    ];
    for (algorithm, encoding) in encodings {
        let mut signed = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), b"message", &mut signed).unwrap();
        assert!(key.verify(algorithm, b"message", &signed), "{algorithm:?}");
        for (other, _) in encodings.iter().filter(|(other, _)| *other != algorithm) {
            assert!(!key.verify(*other, b"message", &signed), "{other:?} for one of {algorithm:?}");
        }
    }
}

#[test]
fn curves_are_read_from_pem_and_jwk() {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    for (algorithm, curve, size, signing) in [
        (Algorithm::Es256, "P-256", 32, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        (Algorithm::Es384, "P-384", 48, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        (Algorithm::Es512, "P-521", 66, &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
    ]
        as [(Algorithm, &str, usize, &'static EcdsaSigningAlgorithm); 3]
    {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let signed = pair.sign(&SystemRandom::new(), b"message").unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(size);
        let jwk = json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)}).to_string();
        for key in [PublicKey::from_jwk(&jwk).unwrap(), PublicKey::from_pem(&pem(der.as_ref())).unwrap()] {
            assert!(key.verify(algorithm, b"message", signed.as_ref()), "{curve}");
            assert!(!key.verify(algorithm, b"massage", signed.as_ref()), "{curve}");
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let zeros = text(&[0; 32]);
    for (case, jwk) in [
        ("no JSON", "x".to_owned()),
        ("no kind", json!({}).to_string()),
        ("symmetric", json!({"kty": "oct", "k": "AAAA"}).to_string()),
        ("a small modulus", json!({"kty": "RSA", "n": text(&[255; 128]), "e": "AQAB"}).to_string()),
        ("a huge modulus", json!({"kty": "RSA", "n": text(&[255; 1024]), "e": "AQAB"}).to_string()),
        ("a huge exponent", json!({"kty": "RSA", "n": text(&[255; 256]), "e": text(&[1; 256])}).to_string()),
        ("an unknown curve", json!({"kty": "EC", "crv": "P-192", "x": zeros, "y": zeros}).to_string()),
        (
            "a point that is on no curve",
            json!({"kty": "EC", "crv": "P-256", "x": zeros, "y": zeros}).to_string(),
        ),
        ("half a point", json!({"kty": "EC", "crv": "P-256", "x": zeros}).to_string()),
        ("a short key", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}).to_string()),
        ("padding", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA=="}).to_string()),
    ] {
        assert!(PublicKey::from_jwk(&jwk).is_err(), "{case}");
    }
    for (case, text) in [("nothing", String::new()), ("rubbish", pem(b"rubbish")), ("no PEM", "x".into())] {
        assert!(PublicKey::from_pem(&text).is_err(), "{case}");
    }
}
