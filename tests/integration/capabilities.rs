//! What operators grant: counters of all nodes, signatures, and refusals that name what is missing.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_tests::{Database, Gateway, Postgres, Redis, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// Statuses of requests that go to the gateways in turn.
async fn in_turn(gateways: &[&Gateway], requests: usize) -> anyhow::Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for gateway in gateways.iter().cycle().take(requests) {
        statuses.push(gateway.get("/demo", &[]).await?.status.as_u16());
    }
    Ok(statuses)
}

async fn upload(gateway: &Gateway, folder: &str) -> anyhow::Result<()> {
    let answer = gateway.upload(component(folder)?).await?;
    anyhow::ensure!(answer.status == 201, "{folder}: {} {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test]
async fn two_gateways_count_together() -> anyhow::Result<()> {
    let mut redis = Redis::start()?;
    for with_redis in [true, false] {
        let upstream = Upstream::saying("hello").await?;
        let url = Postgres::shared()?.database()?;
        let address = with_redis.then(|| redis.address());
        let one = || {
            let gateway = gateway().database(Database::Postgres(url.clone()));
            match address {
                None => gateway,
                Some(address) => gateway
                    .set("WEIR_REDIS_HOST", address.ip().to_string())
                    .set("WEIR_REDIS_PORT", address.port().to_string())
                    .set("WEIR_REDIS_TIMEOUT", "500"),
            }
        };
        let first = one().start().await?;
        let second = one().start().await?;
        serve(&first, "demo", &upstream.url()).await?;
        upload(&first, "example-plugins/rust/shared-limit").await?;
        let assignment = json!({
            "name": "shared-limit", "config": { "limit": 6, "window_seconds": 3600, "on_outage": "refuse" },
            "sandbox": { "grants": { "shared-counters": {} } },
        });
        assign(&first, "demo", &assignment).await?;
        for gateway in [&first, &second] {
            let live = |answer: &gateway_tests::Answer| !answer.header("x-limit-remaining").is_empty();
            gateway.wait_for("the limit is live", PATIENCE, "/demo", live).await?;
        }
        let statuses = in_turn(&[&first, &second], 8).await?;
        let passed = statuses.iter().filter(|status| **status == 200).count();
        anyhow::ensure!(passed == 4 && statuses.ends_with(&[429, 429]), "{statuses:?}");
        if with_redis {
            redis.stop();
            let begun = std::time::Instant::now();
            assert_eq!(in_turn(&[&first], 20).await?, [503; 20], "nobody counts");
            assert!(begun.elapsed().as_secs() < 4, "and nobody waits: {:?}", begun.elapsed());
        }
    }
    Ok(())
}

#[expect(clippy::expect_used, reason = "a key that was just made signs")]
fn token(pair: &EcdsaKeyPair, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256"})), part(claims));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

#[tokio::test]
async fn a_plugin_verifies_tokens() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    upload(&gateway, "example-plugins/rust/jwt-verify").await?;
    let [pair, other] =
        [0, 1].map(|_| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)});
    let bad = json!({"name": "jwt-verify", "config": {"keys": [{"algorithm": "ES256", "key": "x"}]}});
    let refused = gateway.admin(Method::POST, "/routes/demo/plugins", &bad).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let config = json!({"keys": [{"algorithm": "ES256", "key": jwk.to_string()}]});
    let grants = json!({"local-cache": {"max_bytes": 100_000}});
    let assignment = json!({"name": "jwt-verify", "config": config, "sandbox": {"grants": grants}});
    assign(&gateway, "demo", &assignment).await?;
    gateway.wait_for("tokens are asked for", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    let claims = json!({"sub": "joe"});
    for (case, token, status) in [
        ("signed", token(&pair, &claims), 200),
        ("signed, and cached", token(&pair, &claims), 200),
        ("signed by another key", token(&other, &claims), 401),
        ("expired", token(&pair, &json!({"sub": "joe", "exp": 1})), 401),
    ] {
        for _ in 0..2 {
            let answer = gateway.get("/demo", &[("authorization", &format!("Bearer {token}"))]).await?;
            assert_eq!(answer.status, status, "{case}");
        }
    }
    let seen = upstream.seen().pop().expect("requests came through");
    assert_eq!(seen.headers["x-jwt-subject"], "joe");
    Ok(())
}

#[tokio::test]
async fn an_assignment_without_its_grants_is_refused_by_name() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    upload(&gateway, "example-plugins/rust/shared-limit").await?;
    let with = |grants: Value| json!({"name": "shared-limit", "config": {"limit": 1}, "sandbox": {"grants": grants}});
    for (case, grants, words) in [
        ("nothing granted", json!({}), "shared-counters"),
        ("an unknown capability", json!({"shared-counters": {}, "teleport": {}}), "teleport"),
        ("an unknown parameter", json!({"shared-counters": {"prefix": "x"}}), "prefix"),
        ("a backend that is not there", json!({"shared-counters": {"backend": "redis"}}), "backend"),
    ] {
        let refused = gateway.admin(Method::POST, "/routes/demo/plugins", &with(grants)).await?;
        assert_eq!(refused.status, 400, "{case}: {}", refused.text());
        assert_eq!(refused.json()["name"], "schema violation", "{case}");
        assert!(refused.text().contains(words), "{case}: {}", refused.text());
    }
    // For all assignments of the plugin at once.
    let grants = json!({"grants": {"shared-counters": {"namespace": "team"}}});
    gateway.apply(Method::PATCH, "/custom-plugins/shared-limit", &grants).await?;
    assign(&gateway, "demo", &json!({"name": "shared-limit", "config": {"limit": 1}})).await?;
    Ok(())
}
