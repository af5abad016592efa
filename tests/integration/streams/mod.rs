//! Streams of TCP, TLS and UDP through a gateway: routes, targets, names, both ends, and what goes wrong.

mod backend;
mod drain;
mod limits;
mod tcp;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::{Gateway, GatewayBuilder, eventually, free_port};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway};

/// A gateway that takes streams in, with these flags, and where.
fn listening(flags: &[&str]) -> anyhow::Result<(GatewayBuilder, Vec<SocketAddr>)> {
    let places = flags.iter().map(|_| free_port()).collect::<anyhow::Result<Vec<_>>>()?;
    let listeners: Vec<_> =
        places.iter().zip(flags).map(|(place, flags)| format!("{place} {flags}")).collect();
    let builder = gateway()
        .set("WEIR_STREAM_LISTEN", listeners.join(", "))
        .set("WEIR_PROXY_ACCESS_LOG", "access.log")
        .set("WEIR_TRUSTED_IPS", "127.0.0.0/8")
        .set("WEIR_CLIENT_HEADER_TIMEOUT", "1");
    Ok((builder, places))
}

/// A service named `name` with these fields, and a route with those.
async fn stream(gateway: &Gateway, name: &str, service: &Value, route: &Value) -> anyhow::Result<()> {
    let mut whole =
        json!({ "protocol": "tcp", "retries": 5, "connect_timeout": 2000, "read_timeout": 20_000 });
    for (field, value) in service.as_object().into_iter().flatten() {
        whole[field] = value.clone();
    }
    gateway.apply(Method::PUT, &format!("/services/{name}"), &whole).await?;
    let mut route = route.clone();
    route["service"] = json!({ "name": name });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    Ok(())
}

/// The fields of a service at an address.
fn at(address: SocketAddr) -> Value {
    json!({ "host": address.ip().to_string(), "port": address.port() })
}

/// Sends bytes and the end, and reads to the end; nothing if the connection breaks off.
async fn say(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    _ = stream.write_all(bytes).await;
    _ = stream.shutdown().await;
    heard(stream).await
}

/// All that comes until the end.
async fn heard(mut stream: impl AsyncReadExt + Unpin) -> anyhow::Result<String> {
    let mut answer = Vec::new();
    _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Waits until these bytes are answered so.
async fn live(address: SocketAddr, bytes: &[u8], want: &str) -> anyhow::Result<Duration> {
    eventually(&format!("the answer is {want:?}"), PATIENCE, || async {
        say(address, bytes).await.is_ok_and(|answer| answer == want)
    })
    .await
}

/// The lines of the access log that are of streams.
fn lines(gateway: &Gateway) -> Vec<Value> {
    let text = std::fs::read_to_string(gateway.prefix().join("access.log")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["protocol"].is_string()).collect()
}

/// Connects and says so again and again until there is such a line in the access log.
async fn said_until(
    gateway: &Gateway,
    (address, bytes): (SocketAddr, &[u8]),
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> anyhow::Result<()> {
    let met = || async {
        _ = say(address, bytes).await;
        lines(gateway).iter().any(&holds)
    };
    eventually(what, PATIENCE, met).await.map(drop)
}

/// Waits for a line of the access log.
async fn logged(gateway: &Gateway, what: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let found = || lines(gateway).into_iter().rev().find(|line| holds(line));
    let waited = eventually(what, PATIENCE, || async { found().is_some() }).await;
    waited.map_err(|error| error.context(format!("{:#?}", lines(gateway))))?;
    Ok(found().unwrap_or_default())
}

mod asking {
    //! What the Admin API says of streams: the route tester, and plugins that cannot see them.

    use gateway_tests::{Gateway, eventually};
    use http::Method;
    use serde_json::{Value, json};

    use super::backend::Backend;
    use super::{at, listening, live, stream};
    use crate::setup::PATIENCE;

    #[tokio::test]
    async fn the_route_tester_knows_streams() -> anyhow::Result<()> {
        let (builder, places) = listening(&[""])?;
        let gateway = builder.start().await?;
        let backend = Backend::start("a").await?;
        let port = json!([{ "port": places[0].port() }]);
        let route = json!({ "protocols": ["tcp", "udp"], "destinations": port });
        stream(&gateway, "s", &at(backend.address), &route).await?;
        stream(&gateway, "n", &at(backend.address), &json!({ "protocols": ["tls"], "snis": ["*.a.test"] }))
            .await?;
        let last = async || {
            let path = "/route-test?scheme=tls&port=1&sni=x.a.test";
            let answer = gateway.apply(Method::GET, path, &Value::Null).await;
            answer.is_ok_and(|answer| answer["route"]["name"] == "n")
        };
        eventually("both routes are live", PATIENCE, last).await?;
        live(places[0], b"", "a:.").await?;
        let port = places[0].port();
        for (query, route, status, others) in [
            (format!("scheme=udp&port={port}"), "s", json!(null), 0),
            ("scheme=tls&port=1&sni=x.a.test".to_owned(), "n", json!(null), 0),
            (format!("scheme=tls&port={port}&sni=x.a.test"), "n", json!(null), 1),
            (format!("scheme=tls&port={port}&sni=b.test"), "s", json!(500), 0),
            ("scheme=udp&port=1".to_owned(), "", json!(500), 0),
        ] {
            let answer = gateway.apply(Method::GET, &format!("/route-test?{query}"), &Value::Null).await?;
            assert_eq!(answer["route"]["name"].as_str().unwrap_or_default(), route, "{query}: {answer}");
            assert_eq!(answer["answer"]["status"], status, "{query}: {answer}");
            assert_eq!(answer["others"].as_array().map(Vec::len), Some(others), "{query}: {answer}");
        }
        Ok(())
    }

    /// Waits until the Admin API says so of the configuration.
    async fn told(gateway: &Gateway, text: &str) -> anyhow::Result<()> {
        let holds = || async {
            let status = gateway.apply(Method::GET, "/status", &Value::Null).await;
            status.is_ok_and(|status| status.to_string().contains(text))
        };
        gateway_tests::eventually(text, crate::setup::PATIENCE, holds).await.map(drop)
    }

    #[tokio::test]
    async fn a_plugin_that_might_refuse_a_stream_closes_it() -> anyhow::Result<()> {
        let (builder, places) = listening(&[""])?;
        let gateway = builder.start().await?;
        let backend = Backend::start("a").await?;
        let port = json!([{ "port": places[0].port() }]);
        let route = json!({ "protocols": ["tcp"], "destinations": port });
        stream(&gateway, "s", &at(backend.address), &route).await?;
        live(places[0], b"", "a:.").await?;
        // Kong's rule: an assignment must share a protocol with its route.
        let key = gateway.admin(Method::POST, "/routes/s/plugins", &json!({ "name": "key-auth" })).await?;
        assert_eq!(
            (key.status.as_u16(), key.json()["fields"]["protocols"].clone()),
            (400, json!("must match the associated route's protocols"))
        );
        let path = gateway.prefix().join("requests.log");
        let log = json!({ "name": "file-log", "config": { "path": path }, "protocols": ["tcp"] });
        let assignment = gateway.apply(Method::POST, "/routes/s/plugins", &log).await?;
        told(&gateway, "is not called for streams").await?;
        assert_eq!(super::say(places[0], b"x").await?, "a:x.", "what only writes logs is left out");
        let path = format!("/plugins/{}", assignment["id"].as_str().unwrap_or_default());
        let closed = json!({ "sandbox": { "on_failure": "closed" } });
        gateway.apply(Method::PATCH, &path, &closed).await?;
        told(&gateway, "closes the streams").await?;
        live(places[0], b"x", "").await?;
        gateway.apply(Method::DELETE, &path, &Value::Null).await?;
        live(places[0], b"x", "a:x.").await?;
        Ok(())
    }
}
