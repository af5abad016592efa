//! Tokens of every kind of key, from the credential in the Admin API to what the upstream is told.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA512,
    RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gateway_tests::{Gateway, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A token with what `sign` makes of its text.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn with_secret(secret: &str) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    move |text| hmac::sign(&key, text).as_ref().to_vec()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// A route that asks for tokens, and the consumer `ann` with the credential `k1` of a secret.
async fn site(gateway: &Gateway, upstream: &Upstream, config: &Value) -> anyhow::Result<()> {
    serve(gateway, "shop", &upstream.url()).await?;
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "ann" })).await?;
    gateway.apply(Method::POST, "/consumers/ann/jwt", &json!({ "key": "k1", "secret": "s1" })).await?;
    assign(gateway, "shop", &json!({ "name": "jwt", "config": config })).await?;
    gateway.wait_for("tokens are asked for", PATIENCE, "/shop", |answer| answer.status == 401).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_verifies_tokens() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, &json!({})).await?;
    let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let der: PublicKeyX509Der<'_> = curve.public_key().as_der().expect("a public key");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let old = pem("RSA PUBLIC KEY", rsa.public_key().as_ref());
    for (key, algorithm, public_key) in
        [("k2", "ES256", pem("PUBLIC KEY", der.as_ref())), ("k3", "RS256", old.clone()), ("k4", "PS512", old)]
    {
        let credential = json!({ "key": key, "algorithm": algorithm, "rsa_public_key": public_key });
        gateway.apply(Method::POST, "/consumers/ann/jwt", &credential).await?;
    }
    let with_curve = |text: &[u8]| curve.sign(&SystemRandom::new(), text).expect("signs").as_ref().to_vec();
    let with_rsa = |encoding: &'static dyn RsaEncoding| {
        let rsa = &rsa;
        move |text: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(encoding, &SystemRandom::new(), text, &mut signature).expect("signs");
            signature
        }
    };
    let made = |key: &str, algorithm: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        token(&json!({ "alg": algorithm, "typ": "JWT" }), &json!({ "iss": key }), sign)
    };
    for (key, good, forged) in [
        ("k1", made("k1", "HS256", &with_secret("s1")), made("k1", "HS256", &with_secret("s2"))),
        ("k2", made("k2", "ES256", &with_curve), made("k2", "ES256", &|_| vec![1; 64])),
        (
            "k3",
            made("k3", "RS256", &with_rsa(&RSA_PKCS1_SHA256)),
            made("k3", "RS256", &with_rsa(&RSA_PSS_SHA512)),
        ),
        (
            "k4",
            made("k4", "PS512", &with_rsa(&RSA_PSS_SHA512)),
            made("k4", "PS512", &with_rsa(&RSA_PKCS1_SHA256)),
        ),
    ] {
        for _ in 0..2 {
            let answer = gateway.get("/shop", &[("authorization", &format!("Bearer {good}"))]).await?;
            assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        }
        let seen = upstream.seen().pop().expect("it came through");
        assert_eq!(seen.headers["x-consumer-username"], "ann", "{key}");
        assert_eq!(seen.headers["x-credential-identifier"], key, "{key}");
        let answer = gateway.get(&format!("/shop?jwt={forged}"), &[]).await?;
        assert_eq!(answer.text(), r#"{"message":"Invalid signature"}"#, "{key}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_kongs() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    let config = json!({ "claims_to_verify": ["exp"], "cookie_names": ["session"], "realm": "acme" });
    site(&gateway, &upstream, &config).await?;
    let made = |header: Value, claims: Value| token(&header, &claims, with_secret("s1"));
    let header = || json!({ "alg": "HS256" });
    let late = made(header(), json!({ "iss": "k1", "exp": 1 }));
    let none = made(json!({ "alg": "none" }), json!({ "iss": "k1" }));
    let good = made(header(), json!({ "iss": "k1", "exp": 9_999_999_999_u64 }));
    let cookie = format!("a=b; session={good}");
    let bad = "Bearer realm=\"acme\" error=\"invalid_token\"";
    for (case, headers, status, text, challenge) in [
        ("good, in a cookie", vec![("cookie", cookie.as_str())], 200, "ok", ""),
        ("none", vec![], 401, r#"{"message":"Unauthorized"}"#, "Bearer realm=\"acme\""),
        ("expired", vec![("authorization", late.as_str())], 401, r#"{"exp":"token expired"}"#, bad),
        (
            "algorithm none",
            vec![("authorization", none.as_str())],
            401,
            r#"{"message":"Bad token; invalid alg"}"#,
            bad,
        ),
        (
            "two",
            vec![("cookie", cookie.as_str()), ("authorization", late.as_str())],
            401,
            r#"{"message":"Multiple tokens provided"}"#,
            bad,
        ),
    ] {
        let headers = headers.into_iter().map(|(name, value)| match name {
            "authorization" => (name, format!("Bearer {value}")),
            _ => (name, value.to_owned()),
        });
        let headers: Vec<_> = headers.collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = gateway.get("/shop", &headers).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, text), "{case}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{case}");
    }
    let grpc = gateway.get("/shop", &[("content-type", "application/grpc")]).await?;
    assert_eq!(grpc.header("grpc-message"), "Unauthorized", "{:?}", grpc.headers);
    let wrong = json!({ "name": "jwt", "config": { "maximum_expiration": 60, "claims_to_verify": ["nbf"] } });
    assert_eq!(gateway.admin(Method::POST, "/plugins", &wrong).await?.status, 400, "it asks for exp");
    Ok(())
}
