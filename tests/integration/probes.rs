//! Active health checks by their type: what each of them takes for healthy.

use std::net::SocketAddr;

use gateway_tests::{Authority, Gateway, TlsUpstream, Upstream, eventually, free_port};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, balance, gateway};

#[tokio::test]
async fn each_type_of_probe_has_its_own_idea_of_health() -> anyhow::Result<()> {
    let (known, unknown) = (Authority::new("known")?, Authority::new("unknown")?);
    let folder = tempfile::tempdir()?;
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, known.pem())?;
    let tls = TlsUpstream::start(&known.issue(&["localhost", "127.0.0.1"])?, None).await?;
    let foreign = TlsUpstream::start(&unknown.issue(&["localhost", "127.0.0.1"])?, None).await?;
    let named = TlsUpstream::start(&known.issue(&["named.test"])?, None).await?;
    let plain = Upstream::saying("ok").await?;
    let failing = Upstream::start(|_| {
        http::Response::builder().status(500).body(http_body_util::Full::default()).unwrap_or_default()
    })
    .await?;
    let closed = free_port()?;
    let gateway = gateway().set("WEIR_LUA_SSL_TRUSTED_CERTIFICATE", roots.to_string_lossy()).start().await?;
    let (up, down) = ("HEALTHY", "UNHEALTHY");
    for (number, (name, fields, target, want)) in [
        ("http: 200", json!({ "type": "http" }), plain.address(), up),
        ("http: 500", json!({ "type": "http" }), failing.address(), down),
        ("http: nobody listens", json!({ "type": "http" }), closed, down),
        ("http: TLS is no HTTP", json!({ "type": "http" }), tls.address(), down),
        ("https: a certificate that is trusted", json!({ "type": "https" }), tls.address(), up),
        ("https: one that is not", json!({ "type": "https" }), foreign.address(), down),
        ("https: one of another name", json!({ "type": "https" }), named.address(), down),
        (
            "https: one of the name that is asked for",
            json!({ "type": "https", "https_sni": "named.test" }),
            named.address(),
            up,
        ),
        (
            "https: unchecked",
            json!({ "type": "https", "https_verify_certificate": false }),
            foreign.address(),
            up,
        ),
        ("https: no TLS there", json!({ "type": "https" }), plain.address(), down),
        ("tcp: a port that is open", json!({ "type": "tcp" }), failing.address(), up),
        ("tcp: one that is not", json!({ "type": "tcp" }), closed, down),
        ("grpc: a port that is open", json!({ "type": "grpc" }), failing.address(), up),
        ("grpc: one that is not", json!({ "type": "grpc" }), closed, down),
        ("grpcs: TLS that is trusted", json!({ "type": "grpcs" }), tls.address(), up),
        ("grpcs: TLS that is not", json!({ "type": "grpcs" }), foreign.address(), down),
        ("grpcs: no TLS there", json!({ "type": "grpcs" }), plain.address(), down),
    ]
    .into_iter()
    .enumerate()
    {
        check(&gateway, &format!("probe{number}"), (name, &fields), (target, want)).await?;
    }
    Ok(())
}

/// An upstream with a probe of these fields; what it makes of a target that was said to be the contrary.
async fn check(
    gateway: &Gateway,
    upstream: &str,
    (name, fields): (&str, &Value),
    (target, want): (SocketAddr, &str),
) -> anyhow::Result<()> {
    let mut active = json!({ "timeout": 5,
        "healthy": { "interval": 0.1, "successes": 1 },
        "unhealthy": { "interval": 0.1, "tcp_failures": 1, "http_failures": 1, "timeouts": 3 } });
    for (field, value) in fields.as_object().into_iter().flatten() {
        active[field] = value.clone();
    }
    let fields = json!({ "healthchecks": { "active": active } });
    balance(gateway, upstream, &fields, &[(target.to_string(), 100)]).await?;
    // The other state first, so that a probe must have changed it.
    let other = if want == "HEALTHY" { "unhealthy" } else { "healthy" };
    let path = format!("/upstreams/{upstream}/targets/{target}/{other}");
    gateway.admin(Method::PUT, &path, &Value::Null).await?;
    let path = format!("/upstreams/{upstream}/health");
    let seen = || async {
        let body = gateway.apply(Method::GET, &path, &Value::Null).await;
        body.is_ok_and(|body| body["data"][0]["health"] == want)
    };
    eventually(name, PATIENCE, seen).await?;
    Ok(())
}
