//! Plain connections: where they go, both ends, other targets, and what is counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::{Client, free_port};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::backend::Backend;
use super::{at, listening, live, logged, said_until, say, stream};
use crate::setup::PATIENCE;

#[tokio::test]
async fn a_connection_goes_where_its_ends_say() -> anyhow::Result<()> {
    let (builder, places) = listening(&["", "", ""])?;
    let gateway = builder.start().await?;
    let [one, two, nowhere] = [places[0], places[1], places[2]];
    let (a, b, c) = (Backend::start("a").await?, Backend::start("b").await?, Backend::start("c").await?);
    let by_port = |port: u16| json!({ "protocols": ["tcp"], "destinations": [{ "port": port }] });
    stream(&gateway, "one", &at(a.address), &by_port(one.port())).await?;
    stream(&gateway, "two", &at(b.address), &by_port(two.port())).await?;
    live(one, b"x", "a:x.").await?;
    live(two, b"", "b:.").await?;
    assert_eq!(say(nowhere, b"x").await?, "", "no route: closed");
    let line = logged(&gateway, "the one without a route", |line| line["status"] == 500).await?;
    assert_eq!((&line["error"], &line["route"]), (&json!("no route matches"), &json!(null)));
    let node = gateway.apply(Method::GET, "/", &json!(null)).await?;
    let listeners = node["configuration"]["stream_listeners"].as_array().map(Vec::len);
    assert_eq!(listeners, Some(3), "{}", node["configuration"]);
    // Both ends weigh more than one.
    let both = json!({
        "protocols": ["tcp"], "destinations": [{ "port": one.port() }], "sources": [{ "ip": "127.0.0.0/8" }],
    });
    stream(&gateway, "both", &at(c.address), &both).await?;
    live(one, b"x", "c:x.").await?;
    gateway.apply(Method::PATCH, "/services/both", &json!({ "enabled": false })).await?;
    live(one, b"x", "a:x.").await?;
    let line = logged(&gateway, "the line of a stream", |line| line["route"] == "one").await?;
    for (field, want) in [
        ("protocol", json!("tcp")),
        ("client_ip", json!("127.0.0.1")),
        ("port", json!(one.port())),
        ("status", json!(200)),
        ("bytes_in", json!(1)),
        ("bytes_out", json!(4)),
        ("service", json!("one")),
        ("upstream", json!(a.address.to_string())),
    ] {
        assert_eq!(line[field], want, "{field}: {line}");
    }
    Ok(())
}

#[tokio::test]
async fn either_end_may_finish_first_and_the_other_goes_on() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.start().await?;
    let backend = Backend::start("a").await?;
    let route = json!({ "protocols": ["tcp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "s", &at(backend.address), &route).await?;
    live(places[0], b"", "a:.").await?;
    // The upstream speaks first, and answers each piece as it comes.
    let mut client = TcpStream::connect(places[0]).await?;
    let mut block = [0; 2];
    client.read_exact(&mut block).await?;
    assert_eq!(&block, b"a:");
    for _ in 0..3 {
        client.write_all(b"xy").await?;
        client.read_exact(&mut block).await?;
        assert_eq!(&block, b"xy");
    }
    // After the client has said all, what is left of the answer comes.
    let much = vec![b'm'; 3 << 20];
    let (mut from, mut to) = client.into_split();
    let sending = tokio::spawn(async move {
        to.write_all(&much).await?;
        to.shutdown().await
    });
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, from.read_to_end(&mut rest)).await??;
    sending.await??;
    assert_eq!((rest.len(), rest.last()), ((3 << 20) + 1, Some(&b'.')));

    // An upstream that has said all still listens.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    gateway.apply(Method::PATCH, "/services/s", &at(listener.local_addr()?)).await?;
    let (mut client, mut upstream) = both_ends(places[0], &listener).await?;
    upstream.shutdown().await?;
    assert_eq!(client.read(&mut block).await?, 0, "the client sees the end");
    client.write_all(b"still").await?;
    client.shutdown().await?;
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, upstream.read_to_end(&mut heard)).await??;
    assert_eq!(heard, b"still");
    Ok(())
}

/// A connection through the gateway and its other end, once that leads here.
pub(super) async fn both_ends(
    gateway: SocketAddr,
    listener: &TcpListener,
) -> anyhow::Result<(TcpStream, TcpStream)> {
    for number in 0_u32..400 {
        let mut client = TcpStream::connect(gateway).await?;
        _ = client.write_all(&number.to_be_bytes()).await;
        let wait = Duration::from_millis(50);
        while let Ok(accepted) = tokio::time::timeout(wait, listener.accept()).await {
            let (mut upstream, _) = accepted?;
            // One that came late is not the other end of this one.
            if upstream.read_u32().await.is_ok_and(|found| found == number) {
                return Ok((client, upstream));
            }
        }
    }
    anyhow::bail!("nothing arrives")
}

/// Ends a backend, and returns when nothing takes a connection at its address: until then one that is waiting to
/// be accepted is reset rather than refused.
async fn gone_for_good(backend: Backend) -> anyhow::Result<()> {
    let address = backend.address;
    drop(backend);
    gateway_tests::eventually("nobody listens", PATIENCE, || async {
        TcpStream::connect(address).await.is_err()
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn targets_share_connections_and_one_that_is_gone_is_left_out() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.set("WEIR_WORKERS", "1").start().await?;
    let (a, b, gone) = (Backend::start("a").await?, Backend::start("b").await?, free_port()?);
    let checks = json!({ "healthchecks": { "passive": { "unhealthy": { "tcp_failures": 2 } } } });
    gateway.apply(Method::PUT, "/upstreams/all", &checks).await?;
    for target in [a.address, b.address, gone] {
        let target = json!({ "target": target.to_string() });
        gateway.apply(Method::POST, "/upstreams/all/targets", &target).await?;
    }
    let route = json!({ "protocols": ["tcp"], "destinations": [{ "port": places[0].port() }] });
    stream(&gateway, "s", &json!({ "host": "all", "port": 1 }), &route).await?;
    gateway_tests::eventually("the route is live", PATIENCE, || async {
        say(places[0], b"").await.is_ok_and(|answer| !answer.is_empty())
    })
    .await?;
    let mut seen = BTreeMap::<String, usize>::new();
    for _ in 0..24 {
        *seen.entry(say(places[0], b"").await?).or_default() += 1;
    }
    assert_eq!(seen.keys().map(String::as_str).collect::<Vec<_>>(), ["a:.", "b:."], "nobody was refused");
    assert!(seen.values().all(|count| *count >= 8), "{seen:?}");
    let health = gateway.apply(Method::GET, "/upstreams/all/health", &json!(null)).await?;
    let of = |target: &str| {
        let all = health["data"].as_array().into_iter().flatten();
        all.filter(|one| one["target"] == target).map(|one| one["health"].clone()).next()
    };
    assert_eq!(of(&gone.to_string()), Some(json!("UNHEALTHY")));
    assert_eq!(of(&a.address.to_string()), Some(json!("HEALTHY")));
    let line = logged(&gateway, "one that was tried twice", |line| line["tries"] == 2).await?;
    assert_eq!(line["status"], 200);
    gone_for_good(a).await?;
    // As many attempts as the service says, then it is closed.
    for _ in 0..4 {
        assert_eq!(say(places[0], b"").await?, "b:.", "the next target");
    }
    gone_for_good(b).await?;
    // What is refused twice is unhealthy, and then there is no target at all.
    said_until(&gateway, (places[0], b"x"), "nobody is left", |line| line["status"] == 503).await?;
    assert_eq!(say(places[0], b"x").await?, "");
    Ok(())
}

#[tokio::test]
async fn one_client_keeps_its_target_where_the_address_decides() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.start().await?;
    let backends = [Backend::start("a").await?, Backend::start("b").await?, Backend::start("c").await?];
    let route = json!({ "protocols": ["tcp"], "destinations": [{ "port": places[0].port() }] });
    // The address has no value for `consumer`, so the fallback decides.
    for (name, fields) in [
        ("ip", json!({ "algorithm": "consistent-hashing", "hash_on": "ip" })),
        (
            "fallback",
            json!({
                "algorithm": "consistent-hashing", "hash_on": "consumer", "hash_fallback": "ip",
            }),
        ),
    ] {
        gateway.apply(Method::PUT, &format!("/upstreams/{name}"), &fields).await?;
        for backend in &backends {
            let target = json!({ "target": backend.address.to_string() });
            gateway.apply(Method::POST, &format!("/upstreams/{name}/targets"), &target).await?;
        }
        stream(&gateway, "s", &json!({ "host": name, "port": 1 }), &route).await?;
        gateway_tests::eventually("the route is live", PATIENCE, || async {
            say(places[0], b"").await.is_ok_and(|answer| !answer.is_empty())
        })
        .await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let first = say(places[0], b"").await?;
        for _ in 0..10 {
            assert_eq!(say(places[0], b"").await?, first, "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_balancers_word_on_the_client_counts_if_it_is_trusted() -> anyhow::Result<()> {
    const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
    const SECOND: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    let (builder, places) = listening(&["proxy_protocol"])?;
    let gateway = builder.start().await?;
    let (named, other) = (Backend::start("named").await?, Backend::start("other").await?);
    let port = json!([{ "port": places[0].port() }]);
    let by_source = json!({ "protocols": ["tcp"], "sources": [{ "ip": "192.0.2.7" }], "destinations": port });
    stream(&gateway, "other", &at(other.address), &json!({ "protocols": ["tcp"], "destinations": port }))
        .await?;
    stream(&gateway, "named", &at(named.address), &by_source).await?;
    live(places[0], &[HEADER, b"x"].concat(), "named:x.").await?;
    assert_eq!(say(places[0], &[SECOND, b"y"].concat()).await?, "named:y.");
    assert_eq!(say(places[0], b"PROXY UNKNOWN\r\nz").await?, "other:z.");
    for (case, bytes) in
        [("none", &b"hello there, no header"[..]), ("half of one", b"PROXY TCP4 192."), ("nothing", b"")]
    {
        assert_eq!(say(places[0], bytes).await?, "", "{case}");
    }
    let mut silent = TcpStream::connect(places[0]).await?;
    silent.write_all(b"PROXY").await?;
    assert_eq!(super::heard(silent).await?, "", "it has its time");
    // While the route by source was not live yet, the other one took this client too.
    let to_named = |line: &Value| line["client_ip"] == "192.0.2.7" && line["route"] == "named";
    logged(&gateway, "the client's address", to_named).await?;
    Ok(())
}

#[tokio::test]
async fn streams_and_requests_do_not_meet() -> anyhow::Result<()> {
    let (builder, places) = listening(&[""])?;
    let gateway = builder.start().await?;
    let backend = Backend::start("a").await?;
    let port = json!([{ "port": places[0].port() }]);
    stream(&gateway, "s", &at(backend.address), &json!({ "protocols": ["tcp"], "destinations": port }))
        .await?;
    live(places[0], b"", "a:.").await?;
    // A request route to the same service has none, as in Kong; nor has a stream route to one of requests.
    let route = json!({ "paths": ["/s"], "service": { "name": "s" } });
    gateway.apply(Method::PUT, "/routes/wrong", &route).await?;
    gateway.wait_for("the route is live", PATIENCE, "/s", |answer| answer.status != 404).await?;
    let answer = gateway.get("/s", &[]).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["message"].as_str().unwrap_or_default()),
        (503, "no Service found with those values")
    );
    gateway.apply(Method::PATCH, "/services/s", &json!({ "protocol": "http" })).await?;
    live(places[0], b"", "").await?;
    logged(&gateway, "its service is none", |line| line["status"] == 503).await?;
    let mut status = Client::connect(gateway.status).await?;
    let metrics = status.get("/metrics", &[]).await?.text();
    for want in [
        "kong_stream_sessions_total{service=\"s\",route=\"s\",code=\"200\",source=\"service\",workspace=\"default\"}",
        "kong_stream_sessions_total{service=\"s\",route=\"s\",code=\"503\",source=\"kong\",workspace=\"default\"}",
        "kong_session_duration_ms_count{service=\"s\",route=\"s\",workspace=\"default\"}",
        "weir_streams_active 0",
    ] {
        assert!(metrics.contains(want), "{want}:\n{metrics}");
    }
    Ok(())
}
