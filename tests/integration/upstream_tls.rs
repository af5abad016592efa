//! TLS with upstreams: whom a service trusts, what it shows, and that a change of either is live.

use gateway_tests::{Authority, Gateway, Issued, TlsUpstream, der, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, gateway};

const INVALID: &str = "An invalid response was received from the upstream server";

/// A service with these fields at an upstream that speaks TLS, and a route for `/name`.
async fn serve(gateway: &Gateway, name: &str, upstream: &TlsUpstream, fields: Value) -> anyhow::Result<()> {
    let mut service =
        json!({ "protocol": "https", "host": "localhost", "port": upstream.address().port(), "retries": 1 });
    if let (Some(service), Value::Object(fields)) = (service.as_object_mut(), fields) {
        service.extend(fields);
    }
    gateway.apply(Method::PUT, &format!("/services/{name}"), &service).await?;
    let route = json!({ "paths": [format!("/{name}")], "service": { "name": name } });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    let path = format!("/{name}");
    gateway.wait_for("the route is live", PATIENCE, &path, |answer| answer.status != 404).await?;
    Ok(())
}

async fn trust(gateway: &Gateway, authority: &Authority) -> anyhow::Result<Value> {
    let made = gateway.apply(Method::POST, "/ca_certificates", &json!({ "cert": authority.pem() })).await?;
    Ok(made["id"].clone())
}

async fn keep(gateway: &Gateway, issued: &Issued) -> anyhow::Result<Value> {
    let pair = json!({ "cert": issued.chain, "key": issued.key });
    Ok(gateway.apply(Method::POST, "/certificates", &pair).await?["id"].clone())
}

#[tokio::test]
async fn an_upstream_is_trusted_as_its_service_says() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let (root, other) = (Authority::new("root")?, Authority::new("other")?);
    let middle = root.below("middle")?;
    let mut chained = middle.issue(&["localhost"])?;
    chained.chain.push_str(middle.pem());
    let chained = TlsUpstream::start(&chained, None).await?;
    let elsewhere = TlsUpstream::start(&root.issue(&["elsewhere.test"])?, None).await?;
    let (root_id, other_id) = (trust(&gateway, &root).await?, trust(&gateway, &other).await?);
    for (name, upstream, fields, want) in [
        ("unasked", &chained, json!({}), 200),
        ("off", &chained, json!({ "tls_verify": false }), 200),
        ("public", &chained, json!({ "tls_verify": true }), 502),
        ("own", &chained, json!({ "tls_verify": true, "ca_certificates": [root_id] }), 200),
        ("both", &chained, json!({ "tls_verify": true, "ca_certificates": [other_id, root_id] }), 200),
        ("others", &chained, json!({ "tls_verify": true, "ca_certificates": [other_id] }), 502),
        (
            "shallow",
            &chained,
            json!({ "tls_verify": true, "ca_certificates": [root_id], "tls_verify_depth": 0 }),
            502,
        ),
        ("misnamed", &elsewhere, json!({ "tls_verify": true, "ca_certificates": [root_id] }), 502),
    ] {
        serve(&gateway, name, upstream, fields).await?;
        let answer = gateway.get(&format!("/{name}"), &[]).await?;
        assert_eq!(answer.status, want, "{name}: {}", answer.text());
        match want {
            200 => assert_eq!(answer.text(), format!("localhost:{}", upstream.address().port()), "{name}"),
            _ => assert!(answer.text().starts_with(INVALID), "{name}: {}", answer.text()),
        }
    }
    let log = gateway.log();
    for reason in ["UnknownIssuer", "MaximumPathDepthExceeded", "elsewhere.test"] {
        assert!(log.contains(reason), "{reason} is not in the log:\n{log}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_preserved_is_the_one_that_tls_asks_for() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let root = Authority::new("root")?;
    let upstream = TlsUpstream::start(&root.issue(&["asked.test"])?, None).await?;
    let root_id = trust(&gateway, &root).await?;
    let fields = json!({ "tls_verify": true, "ca_certificates": [root_id] });
    serve(&gateway, "named", &upstream, fields).await?;
    gateway.apply(Method::PATCH, "/routes/named", &json!({ "preserve_host": true })).await?;
    let asked = || async {
        let answer = gateway.get("/named", &[("host", "asked.test:80")]).await;
        answer.is_ok_and(|answer| answer.status == 200 && answer.text() == "asked.test:80")
    };
    eventually("the host is preserved", PATIENCE, asked).await?;
    let other = gateway.get("/named", &[("host", "other.test")]).await?;
    assert_eq!(other.status, 502, "a connection is for the name that it was made for: {}", other.text());
    let names: Vec<_> = upstream.handshakes().into_iter().filter_map(|seen| seen.sni).collect();
    assert!(names.iter().all(|name| name == "asked.test") && !names.is_empty(), "{names:?}");
    Ok(())
}

#[tokio::test]
async fn the_certificate_of_a_service_is_shown_and_its_successor_is_live() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_UPSTREAM_KEEPALIVE_POOL_SIZE", "0").start().await?;
    let (root, clients) = (Authority::new("root")?, Authority::new("clients")?);
    let upstream = TlsUpstream::start(&root.issue(&["localhost"])?, Some(&clients)).await?;
    let (first, second) = (clients.issue(&["first"])?, clients.issue(&["second"])?);
    serve(&gateway, "bare", &upstream, json!({})).await?;
    assert_eq!(gateway.get("/bare", &[]).await?.status, 502, "a certificate is asked for");
    let id = keep(&gateway, &first).await?;
    serve(&gateway, "shown", &upstream, json!({ "client_certificate": { "id": id } })).await?;
    for _ in 0..3 {
        assert_eq!(gateway.get("/shown", &[]).await?.status, 200);
    }
    let seen = upstream.handshakes();
    let first_shown = der(&first.chain)?;
    assert!(seen.iter().all(|seen| seen.certificate.as_ref() == Some(&first_shown)));
    assert!(seen.iter().any(|seen| seen.resumed), "later handshakes are short: {seen:?}");
    let id = id.as_str().unwrap_or_default();
    let pair = json!({ "cert": second.chain, "key": second.key });
    gateway.apply(Method::PATCH, &format!("/certificates/{id}"), &pair).await?;
    let second_shown = der(&second.chain)?;
    let live = || async {
        assert_eq!(gateway.get("/shown", &[]).await.map(|answer| answer.status.as_u16()).ok(), Some(200));
        upstream.handshakes().last().is_some_and(|seen| seen.certificate.as_ref() == Some(&second_shown))
    };
    eventually("the other certificate is shown", PATIENCE, live).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_without_its_certificate_is_not_spoken_to() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let root = Authority::new("root")?;
    let upstream = TlsUpstream::start(&root.issue(&["localhost"])?, None).await?;
    let missing = json!({ "tls_verify": true, "ca_certificates": ["8a6dd6e8-5b87-4d1e-8a3b-7d9bb1f5a1aa"] });
    serve(&gateway, "missing", &upstream, missing).await?;
    let answer = gateway.get("/missing", &[]).await?;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(upstream.handshakes(), [], "it must not be asked unchecked");
    Ok(())
}
