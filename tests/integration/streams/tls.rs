//! TLS: ended here with the certificate for its name, or passed through by that name.

use std::sync::Arc;

use anyhow::Context;
use gateway_tests::{Authority, TlsUpstream, der};
use http::Method;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::backend::Backend;
use super::{at, heard, listening, logged, said_until, say, stream};
use crate::setup::PATIENCE;
use crate::tls::{handshake, usual};

async fn connect(
    address: std::net::SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(address).await?, name, config).await
}

/// The certificate that a client is shown.
async fn shown(address: std::net::SocketAddr, name: &str) -> anyhow::Result<Vec<u8>> {
    let stream = connect(address, name, &usual(&[])?).await?;
    let certificates = stream.get_ref().1.peer_certificates().context("a certificate")?;
    Ok(certificates.first().context("one")?.to_vec())
}

async fn until_shown(address: std::net::SocketAddr, name: &str, pem: &str) -> anyhow::Result<()> {
    let want = der(pem)?;
    let holds = || async { shown(address, name).await.is_ok_and(|shown| shown == want) };
    gateway_tests::eventually(&format!("{name} is shown its certificate"), PATIENCE, holds).await.map(drop)
}

fn by_names(protocol: &str, names: &[&str]) -> Value {
    json!({ "protocols": [protocol], "snis": names })
}

#[tokio::test]
async fn tls_is_passed_through_to_the_upstream_of_its_name() -> anyhow::Result<()> {
    let (builder, places) = listening(&["ssl"])?;
    let gateway = builder.start().await?;
    let authority = Authority::new("root")?;
    let (one, two) = (authority.issue(&["one.test"])?, authority.issue(&["x.two.test"])?);
    let (first, second) = (TlsUpstream::start(&one, None).await?, TlsUpstream::start(&two, None).await?);
    stream(&gateway, "one", &at(first.address()), &by_names("tls_passthrough", &["one.test"])).await?;
    stream(&gateway, "two", &at(second.address()), &by_names("tls_passthrough", &["*.two.test"])).await?;
    until_shown(places[0], "one.test", &one.chain).await?;
    until_shown(places[0], "x.two.test", &two.chain).await?;
    until_shown(places[0], "ONE.test", &one.chain).await?;
    assert!(connect(places[0], "three.test", &usual(&[])?).await.is_err(), "no route for that name");
    // What is agreed on by ALPN is between the two ends.
    let mut client = connect(places[0], "one.test", &usual(&["http/1.1"])?).await?;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    client.write_all(b"GET / HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n").await?;
    let answer = heard(client).await?;
    assert!(answer.ends_with("h.test"), "{answer}");
    assert!(first.handshakes().iter().all(|handshake| handshake.sni.as_deref() == Some("one.test")));
    let line =
        logged(&gateway, "a stream by name", |line| line["sni"] == "x.two.test" && line["route"] == "two")
            .await?;
    assert_eq!(
        [&line["protocol"], &line["route"], &line["tls"]],
        [&json!("tls_passthrough"), &json!("two"), &json!(null)]
    );
    Ok(())
}

#[tokio::test]
async fn tls_ends_here_with_the_certificate_for_its_name() -> anyhow::Result<()> {
    let (builder, places) = listening(&["ssl", "ssl proxy_protocol"])?;
    let gateway = builder.start().await?;
    let authority = Authority::new("root")?;
    let own = authority.issue(&["*.own.test"])?;
    let certificate = json!({ "cert": own.chain, "key": own.key, "snis": ["*.own.test"] });
    gateway.apply(Method::POST, "/certificates", &certificate).await?;
    let backend = Backend::start("plain").await?;
    stream(&gateway, "own", &at(backend.address), &by_names("tls", &["*.own.test"])).await?;
    until_shown(places[0], "a.own.test", &own.chain).await?;
    // Whatever protocol the client wants to speak inside, it is none of the gateway's business.
    let mut client = connect(places[0], "a.own.test", &usual(&["postgresql"])?).await?;
    client.write_all(b"x").await?;
    client.shutdown().await?;
    assert_eq!(heard(client).await?, "plain:x.");
    let line = logged(&gateway, "a stream that ended here", |line| line["bytes_in"] == 1).await?;
    assert_eq!(
        [&line["protocol"], &line["tls"], &line["sni"], &line["bytes_out"]],
        [&json!("tls"), &json!("TLSv1.3"), &json!("a.own.test"), &json!(8)]
    );
    // Without a name it is routed like plain TCP, where names say nothing; the certificate is the node's own.
    let mut client = connect(places[0], "127.0.0.1", &usual(&[])?).await?;
    client.write_all(b"y").await?;
    client.shutdown().await?;
    assert_eq!(heard(client).await?, "plain:y.");
    // Behind a balancer.
    let mut tcp = TcpStream::connect(places[1]).await?;
    tcp.write_all(b"PROXY TCP4 192.0.2.9 198.51.100.1 56324 443\r\n").await?;
    let mut client = handshake(tcp, "b.own.test", &usual(&[])?).await?;
    client.shutdown().await?;
    assert_eq!(heard(client).await?, "plain:.");
    logged(&gateway, "the client's address", |line| line["client_ip"] == "192.0.2.9").await?;
    Ok(())
}

#[tokio::test]
async fn one_listener_ends_some_and_passes_others_on() -> anyhow::Result<()> {
    let (builder, places) = listening(&["ssl", ""])?;
    let gateway = builder.start().await?;
    let there = Authority::new("root")?.issue(&["there.test"])?;
    let upstream = TlsUpstream::start(&there, None).await?;
    let backend = Backend::start("here").await?;
    stream(&gateway, "there", &at(upstream.address()), &by_names("tls_passthrough", &["there.test"])).await?;
    stream(&gateway, "here", &at(backend.address), &by_names("tls", &["here.test"])).await?;
    until_shown(places[0], "there.test", &there.chain).await?;
    gateway_tests::eventually("the other one ends here", PATIENCE, || async {
        let Ok(mut client) = connect(places[0], "here.test", &usual(&[]).expect("a client")).await else {
            return false;
        };
        _ = client.shutdown().await;
        heard(client).await.is_ok_and(|answer| answer == "here:.")
    })
    .await?;
    // A route for neither, which is before the others since it names more, takes all connections, and they are
    // closed, as in Kong.
    stream(&gateway, "wrong", &at(backend.address), &json!({
        "protocols": ["tcp"], "sources": [{ "ip": "127.0.0.1" }], "destinations": [{ "port": places[0].port() }],
    }))
    .await?;
    gateway_tests::eventually("a route that is not for TLS", PATIENCE, || async {
        let refused = connect(places[0], "other.test", &usual(&[]).expect("a client")).await.is_err();
        refused && super::lines(&gateway).iter().any(|line| line["route"] == "wrong")
    })
    .await?;
    let line = logged(&gateway, "its line", |line| line["route"] == "wrong").await?;
    assert_eq!([&line["status"], &line["sni"]], [&json!(500), &json!("other.test")]);
    // On a plain listener, a route for TLS takes plain connections, as in Kong.
    gateway.apply(Method::DELETE, "/routes/there", &json!(null)).await?;
    super::live(places[1], b"x", "here:x.").await?;
    Ok(())
}

#[tokio::test]
async fn what_is_no_hello_goes_nowhere() -> anyhow::Result<()> {
    let (builder, places) = listening(&["ssl"])?;
    let gateway = builder.start().await?;
    let backend = Backend::start("a").await?;
    stream(&gateway, "a", &at(backend.address), &by_names("tls", &["a.test"])).await?;
    stream(&gateway, "b", &at(backend.address), &by_names("tls_passthrough", &["b.test"])).await?;
    gateway_tests::eventually("the route is live", PATIENCE, || async {
        connect(places[0], "a.test", &usual(&[]).expect("a client")).await.is_ok()
    })
    .await?;
    // Each of these connections was one to the upstream, which may hear of it later.
    logged(&gateway, "the one that was routed is over", |line| line["route"] == "a").await?;
    gateway_tests::eventually("it was heard of", PATIENCE, || async { backend.connections() == 1 }).await?;
    let drawn_out: Vec<u8> = [22, 3, 1, 0, 1, 1].into_iter().chain([22, 3, 1, 0, 1, 0]).collect();
    let drawn_out = [drawn_out, [22, 3, 1, 0, 1, 7].repeat(10_000)].concat();
    for (case, bytes, error) in [
        ("HTTP", &b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"[..], "does not begin with a TLS hello"),
        ("noise", &[0x16, 3, 1, 0xff, 0xff, 1][..], "the length of a record"),
        ("half a hello", &[0x16, 3, 1, 0, 200, 1, 0, 0, 190][..], "ends within the TLS hello"),
        ("a hello that does not end", &drawn_out[..], "TLS hello"),
        ("nothing", b"", "ends within the TLS hello"),
    ] {
        assert_eq!(say(places[0], bytes).await?, "", "{case}");
        let known = |line: &Value| line["error"].as_str().is_some_and(|found| found.contains(error));
        let line = logged(&gateway, case, known).await?;
        assert_eq!(line["status"], 400, "{case}");
    }
    // A client that sends nothing, or half of it, has its time.
    for bytes in [&b""[..], &[0x16, 3, 1]] {
        let mut silent = TcpStream::connect(places[0]).await?;
        silent.write_all(bytes).await?;
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    }
    logged(&gateway, "one that had its time", |line| line["error"] == "the client takes too long to begin")
        .await?;
    assert_eq!(backend.connections(), 1, "nobody heard of it");
    Ok(())
}

#[tokio::test]
async fn an_upstream_may_want_tls_of_its_own() -> anyhow::Result<()> {
    let (builder, places) = listening(&["", "ssl"])?;
    let gateway = builder.start().await?;
    let authority = Authority::new("root")?;
    let (own, client) = (authority.issue(&["localhost", "asked.test"])?, authority.issue(&["gateway"])?);
    let upstream = TlsUpstream::start(&own, Some(&authority)).await?;
    let ca = gateway.apply(Method::POST, "/ca_certificates", &json!({ "cert": authority.pem() })).await?;
    let shown = json!({ "cert": client.chain, "key": client.key });
    let shown = gateway.apply(Method::POST, "/certificates", &shown).await?;
    let service = json!({
        "protocol": "tls", "host": "localhost", "port": upstream.address().port(), "tls_verify": true,
        "ca_certificates": [ca["id"]], "client_certificate": { "id": shown["id"] }, "retries": 0,
    });
    let port = json!([{ "port": places[0].port() }]);
    stream(&gateway, "s", &service, &json!({ "protocols": ["tcp"], "destinations": port })).await?;
    let request = b"GET / HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n";
    gateway_tests::eventually("the route is live", PATIENCE, || async {
        say(places[0], request).await.is_ok_and(|answer| answer.ends_with("h.test"))
    })
    .await?;
    let handshake = upstream.handshakes().pop().context("a handshake")?;
    assert_eq!(handshake.sni.as_deref(), Some("localhost"));
    assert_eq!(handshake.certificate, Some(der(&client.chain)?));
    // With `preserve_host`, the client's own name is asked for.
    let preserving = json!({ "protocols": ["tls"], "snis": ["asked.test"], "preserve_host": true });
    stream(&gateway, "p", &service, &preserving).await?;
    gateway_tests::eventually("the other route is live", PATIENCE, || async {
        let Ok(mut client) = connect(places[1], "asked.test", &usual(&[]).expect("a client")).await else {
            return false;
        };
        _ = client.write_all(request).await;
        heard(client).await.is_ok_and(|answer| answer.ends_with("h.test"))
    })
    .await?;
    let handshake = upstream.handshakes().pop().context("a handshake")?;
    assert_eq!(handshake.sni.as_deref(), Some("asked.test"));
    // One that nobody vouches for gets nothing. A route by name would take plain connections as well.
    gateway.apply(Method::DELETE, "/routes/p", &json!(null)).await?;
    gateway.apply(Method::PATCH, "/services/s", &json!({ "ca_certificates": null })).await?;
    said_until(&gateway, (places[0], request), "no agreement with the upstream", |line| {
        line["status"] == 502 && line["error"].as_str().is_some_and(|error| error.contains("TLS with"))
    })
    .await?;
    Ok(())
}
