//! Kong's documented behaviour as tables, each row with a name: headers both ways, the forms of errors, what a
//! value is hashed by. Routing has its tables beside the router, joining of paths in `snapshot`, counters of health
//! beside the balancer.

use std::collections::BTreeSet;

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, free_port, request};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, balance, gateway, serve};

/// Name, what the client sends, which header, what the upstream sees; `{port}` is the listener's, `{own}` the
/// upstream's own `host:port`.
type ToUpstream = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

const FROM_ANYBODY: &[ToUpstream] = &[
    ("Host is the service's", &[("host", "client.test")], "host", "{own}"),
    ("X-Real-IP is the client", &[("x-real-ip", "10.9.9.9")], "x-real-ip", "127.0.0.1"),
    ("X-Forwarded-For begins with the client", &[], "x-forwarded-for", "127.0.0.1"),
    ("X-Forwarded-For goes on", &[("x-forwarded-for", "10.1.1.1")], "x-forwarded-for", "10.1.1.1, 127.0.0.1"),
    ("X-Forwarded-Proto is the connection's", &[("x-forwarded-proto", "https")], "x-forwarded-proto", "http"),
    ("X-Forwarded-Host is Host without port, small", &[("host", "A.Test:99")], "x-forwarded-host", "a.test"),
    (
        "X-Forwarded-Host is not believed",
        &[("host", "a.test"), ("x-forwarded-host", "b")],
        "x-forwarded-host",
        "a.test",
    ),
    ("X-Forwarded-Port is the listener's", &[("host", "a:99")], "x-forwarded-port", "{port}"),
    ("X-Forwarded-Port is not believed", &[("x-forwarded-port", "1")], "x-forwarded-port", "{port}"),
    ("X-Forwarded-Path is the request's", &[("x-forwarded-path", "/x")], "x-forwarded-path", "/row/a"),
    (
        "X-Forwarded-Prefix is what was stripped",
        &[("x-forwarded-prefix", "/x")],
        "x-forwarded-prefix",
        "/row",
    ),
    ("Via begins", &[], "via", "1.1 kong/3.9.3"),
    ("Via goes on", &[("via", "1.0 edge")], "via", "1.0 edge, 1.1 kong/3.9.3"),
    ("TE: trailers passes", &[("te", "trailers")], "te", "trailers"),
    ("other codings in TE do not", &[("te", "gzip, trailers")], "te", "trailers"),
    ("TE without trailers does not", &[("te", "gzip")], "te", ""),
    ("Proxy does not pass", &[("proxy", "http://evil")], "proxy", ""),
    ("Proxy-Connection does not pass", &[("proxy-connection", "keep-alive")], "proxy-connection", ""),
    ("Keep-Alive does not pass", &[("keep-alive", "timeout=5")], "keep-alive", ""),
    ("what Connection names does not pass", &[("connection", "x-a"), ("x-a", "1")], "x-a", ""),
    ("another protocol's Upgrade passes as websocket alone", &[("upgrade", "foo/2")], "upgrade", ""),
    ("underscores pass", &[("x_a", "1")], "x_a", "1"),
    ("dots pass", &[("x.a", "1")], "x.a", "1"),
    ("credentials pass", &[("authorization", "Basic x")], "authorization", "Basic x"),
];

const FROM_TRUSTED: &[ToUpstream] = &[
    ("X-Real-IP is who it names", &[("x-real-ip", "10.9.9.9")], "x-real-ip", "10.9.9.9"),
    (
        "X-Forwarded-For ends with the direct peer",
        &[("x-forwarded-for", "10.1.1.1")],
        "x-forwarded-for",
        "10.1.1.1, 127.0.0.1",
    ),
    ("X-Forwarded-Proto is kept", &[("x-forwarded-proto", "https")], "x-forwarded-proto", "https"),
    ("X-Forwarded-Host is kept", &[("x-forwarded-host", "B.Test")], "x-forwarded-host", "B.Test"),
    ("X-Forwarded-Port is kept", &[("x-forwarded-port", "1")], "x-forwarded-port", "1"),
    ("X-Forwarded-Path is kept", &[("x-forwarded-path", "/x")], "x-forwarded-path", "/x"),
    ("X-Forwarded-Prefix is kept", &[("x-forwarded-prefix", "/x")], "x-forwarded-prefix", "/x"),
    ("X-Forwarded-Proto is the connection's without one", &[], "x-forwarded-proto", "http"),
    ("X-Forwarded-Port is the listener's without one", &[], "x-forwarded-port", "{port}"),
];

#[tokio::test]
async fn headers_towards_the_upstream() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    for (trusted, table) in [("", FROM_ANYBODY), ("127.0.0.0/8", FROM_TRUSTED)] {
        let gateway = gateway().set("WEIR_TRUSTED_IPS", trusted).start().await?;
        serve(&gateway, "row", &upstream.url()).await?;
        for (name, headers, header, want) in table {
            assert_eq!(gateway.get("/row/a", headers).await?.status, 200, "{name}");
            let seen = upstream.seen().pop().map(|seen| seen.headers).unwrap_or_default();
            let values: Vec<_> =
                seen.get_all(*header).iter().filter_map(|value| value.to_str().ok()).collect();
            let port = gateway.proxy.port().to_string();
            let want = want.replace("{port}", &port).replace("{own}", &upstream.address().to_string());
            assert_eq!(values.join(", "), want, "{name}");
        }
    }
    Ok(())
}

/// A header of the answer: none, some value, or this one.
#[derive(Debug, Clone, Copy)]
enum Is {
    Gone,
    There,
    Just(&'static str),
}

#[tokio::test]
async fn headers_towards_the_client() -> anyhow::Result<()> {
    let upstream = Upstream::start(|_| {
        let answer = Response::builder()
            .header("server", "own/1")
            .header("via", "1.1 inner")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("x-kept", "1");
        answer.body(Full::new(Bytes::from_static(b"ok"))).unwrap_or_default()
    })
    .await?;
    let kongs = gateway().start().await?;
    let off = gateway().set("WEIR_HEADERS", "off").start().await?;
    let status = gateway().set("WEIR_HEADERS", "X-Kong-Upstream-Status, via").start().await?;
    for gateway in [&kongs, &off, &status] {
        serve(gateway, "row", &upstream.url()).await?;
    }
    use Is::{Gone, Just, There};
    for (name, gateway, path, header, want) in [
        ("proxied: time to the upstream's first byte", &kongs, "/row", "x-kong-upstream-latency", There),
        ("proxied: time before that", &kongs, "/row", "x-kong-proxy-latency", There),
        ("proxied: no latency of an answer of its own", &kongs, "/row", "x-kong-response-latency", Gone),
        ("proxied: Via goes on", &kongs, "/row", "via", Just("1.1 inner, 1.1 kong/3.9.3")),
        ("proxied: the upstream's Server", &kongs, "/row", "server", Just("own/1")),
        ("proxied: an id", &kongs, "/row", "x-kong-request-id", There),
        ("proxied: no status unless listed", &kongs, "/row", "x-kong-upstream-status", Gone),
        ("proxied: what Connection names is gone", &kongs, "/row", "x-hop", Gone),
        ("proxied: Keep-Alive is gone", &kongs, "/row", "keep-alive", Gone),
        ("proxied: others pass", &kongs, "/row", "x-kept", Just("1")),
        ("own answer: its latency", &kongs, "/none", "x-kong-response-latency", There),
        ("own answer: no latency of an upstream", &kongs, "/none", "x-kong-upstream-latency", Gone),
        ("own answer: Kong's Server", &kongs, "/none", "server", Just("kong/3.9.3")),
        ("own answer: no Via", &kongs, "/none", "via", Gone),
        ("own answer: an id", &kongs, "/none", "x-kong-request-id", There),
        ("off: no latency", &off, "/row", "x-kong-upstream-latency", Gone),
        ("off: no id", &off, "/row", "x-kong-request-id", Gone),
        ("off: the upstream's Via alone", &off, "/row", "via", Just("1.1 inner")),
        ("off: no Server of its own", &off, "/none", "server", Gone),
        ("listed: the status", &status, "/row", "x-kong-upstream-status", Just("200")),
        ("listed: not the latency", &status, "/row", "x-kong-upstream-latency", Gone),
    ] {
        let answer = gateway.get(path, &[]).await?;
        let found = answer.headers.get(header).and_then(|value| value.to_str().ok());
        let good = match want {
            Gone => found.is_none(),
            There => found.is_some_and(|value| !value.is_empty()),
            Just(value) => found == Some(value),
        };
        assert!(good, "{name}: {header} is {found:?}, not {want:?}");
    }
    Ok(())
}

/// Name, what the client accepts and sends, content type of the answer, how its body begins and ends.
type Form = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

const JSON: &str = "application/json; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Of Kong's own errors: JSON if the client leaves it open.
const KONGS: &[Form] = &[
    (
        "no Accept",
        &[],
        JSON,
        "{\n  \"message\":\"no Route matched with those values\",\n  \"request_id\":\"",
        "\"\n}",
    ),
    ("anything", &[("accept", "*/*")], JSON, "{\n  \"message\":\"no Route", "\"\n}"),
    ("application/*", &[("accept", "application/*")], JSON, "{\n  \"message\":", "\"\n}"),
    ("a type that nobody knows", &[("accept", "image/png")], JSON, "{\n  \"message\":", "\"\n}"),
    (
        "plain text",
        &[("accept", "text/plain")],
        PLAIN,
        "no Route matched with those values\nrequest_id: ",
        "\n",
    ),
    ("text/*", &[("accept", "text/*")], PLAIN, "no Route matched", "\n"),
    ("HTML", &[("accept", "text/html")], HTML, "<!doctype html>", "</html>\n"),
    ("XML", &[("accept", "application/xml")], "application/xml; charset=utf-8", "<?xml", "</error>\n"),
    ("the best quality wins", &[("accept", "text/html;q=0.5, text/plain;q=0.9")], PLAIN, "no Route", "\n"),
    ("the first of equal ones wins", &[("accept", "text/html, text/plain")], HTML, "<!doctype", "\n"),
    ("quality 0 is none", &[("accept", "text/html;q=0, text/plain;q=0.1")], PLAIN, "no Route", "\n"),
    ("the request's type does not count", &[("content-type", "text/html")], JSON, "{", "}"),
];

/// Of the server's own: plain text, or the type of the request.
const SERVERS: &[Form] = &[
    (
        "no Accept",
        &[],
        PLAIN,
        "An invalid response was received from the upstream server\nrequest_id: ",
        "\n",
    ),
    ("JSON", &[("accept", "application/json")], JSON, "{\n  \"message\":\"An invalid response", "\"\n}"),
    ("the request's type", &[("content-type", "application/json")], JSON, "{\n  \"message\":", "\"\n}"),
    (
        "Accept goes before it",
        &[("accept", "text/html"), ("content-type", "application/json")],
        HTML,
        "<",
        ">\n",
    ),
];

#[tokio::test]
async fn forms_of_errors() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    serve(&gateway, "refused", &format!("http://{}", free_port()?)).await?;
    for (path, status, table) in [("/none", 404, KONGS), ("/refused", 502, SERVERS)] {
        for (name, headers, kind, begins, ends) in table {
            let answer = gateway.get(path, headers).await?;
            let text = answer.text();
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (status, *kind),
                "{path}, {name}"
            );
            assert!(text.starts_with(begins) && text.ends_with(ends), "{path}, {name}: {text:?}");
        }
    }
    for (name, path, code) in [("no route", "/none", "5"), ("no connection", "/refused", "13")] {
        let answer = gateway.get(path, &[("content-type", "application/grpc")]).await?;
        let found = (answer.status.as_u16(), answer.header("grpc-status"), answer.header("content-type"));
        assert_eq!(found, (200, code, "application/grpc"), "gRPC, {name}");
        assert!(!answer.header("grpc-message").is_empty(), "gRPC, {name}");
    }
    Ok(())
}

/// The statuses that the server answers by itself, and its words.
#[tokio::test]
async fn words_of_the_servers_own_errors() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().set("WEIR_CLIENT_MAX_BODY_SIZE", "10").start().await?;
    serve(&gateway, "row", &upstream.url()).await?;
    let long = format!("/row?{}", "x".repeat(20_000));
    let wide = "y".repeat(40_000);
    for (status, message, path, headers, body) in [
        (400, "Bad request", "/row/..;/x", vec![], ""),
        (413, "Payload too large", "/row", vec![], "more than ten bytes"),
        (414, "URI too long", long.as_str(), vec![], ""),
        (431, "Request header or cookie too large", "/row", vec![("x-a", wide.as_str())], ""),
    ] {
        let mut headers = headers;
        headers.push(("accept", "application/json"));
        let mut client = Client::connect(gateway.proxy).await?;
        let answer =
            client.send(request(Method::POST, path, &headers, Bytes::from_static(body.as_bytes()))?).await?;
        let found = (answer.status.as_u16(), answer.json()["message"].as_str().map(str::to_owned));
        assert_eq!(found, (status, Some(message.to_owned())), "{message}: {}", answer.text());
    }
    Ok(())
}

/// The target that answers, which says its name.
async fn target(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<String> {
    Ok(gateway.get(path, headers).await?.text())
}

/// Name, fields of the upstream, and how a request looks that carries a value: what stays the same, and what
/// differs, must not matter.
#[tokio::test]
async fn what_a_request_is_hashed_by() -> anyhow::Result<()> {
    let (a, b, c) =
        (Upstream::saying("a").await?, Upstream::saying("b").await?, Upstream::saying("c").await?);
    let targets: Vec<_> = [&a, &b, &c].iter().map(|upstream| (upstream.address().to_string(), 100)).collect();
    let gateway = gateway().set("WEIR_TRUSTED_IPS", "127.0.0.0/8").start().await?;
    let header = json!({ "hash_on": "header", "hash_on_header": "x-user" });
    let argument = json!({ "hash_on": "query_arg", "hash_on_query_arg": "user" });
    let capture = json!({ "hash_on": "uri_capture", "hash_on_uri_capture": "user" });
    let numbered = json!({ "hash_on": "uri_capture", "hash_on_uri_capture": "1" });
    let cookie = json!({ "hash_on": "cookie", "hash_on_cookie": "user" });
    let fallback = json!({ "hash_on": "header", "hash_on_header": "x-none", "hash_fallback": "query_arg",
        "hash_fallback_query_arg": "user" });
    let nothing = json!({ "hash_on": "header", "hash_on_header": "x-none" });
    for (number, (name, fields, spreads)) in [
        ("ip", json!({ "hash_on": "ip" }), true),
        ("header", header, true),
        ("path", json!({ "hash_on": "path" }), true),
        ("query_arg", argument, true),
        ("a named group", capture, true),
        ("a numbered group", numbered, true),
        ("cookie", cookie, true),
        ("the fallback, where the first has no value", fallback, true),
        ("no value at all: the same for everybody", nothing, false),
    ]
    .into_iter()
    .enumerate()
    {
        let upstream = format!("h{number}");
        balance(&gateway, &upstream, &fields, &targets).await?;
        // A path that was not there before says that the others are live.
        let live = format!("/live-{upstream}");
        let paths =
            json!({ "paths": [format!("~/{upstream}/(?<user>[^/]+)"), format!("/{upstream}"), live] });
        gateway.apply(Method::PATCH, &format!("/routes/{upstream}"), &paths).await?;
        gateway.wait_for("live", PATIENCE, &live, |answer| answer.status == 200).await?;
        let mut seen = BTreeSet::new();
        for user in 0..16 {
            let (path, cookie) = (format!("/{upstream}/{user}?user={user}&user=0"), format!("user={user}"));
            let address = format!("10.0.0.{user}");
            let value = user.to_string();
            let headers = [("x-user", value.as_str()), ("x-real-ip", &address), ("cookie", &cookie)];
            let first = target(&gateway, &path, &headers).await?;
            let again = target(&gateway, &path, &headers).await?;
            assert_eq!(first, again, "{name}: the same value leads to the same target");
            seen.insert(first);
        }
        assert_eq!(seen.len() > 1, spreads, "{name}: {seen:?}");
    }
    let bad: Value = json!({ "hash_on": "header" });
    let refused = gateway.admin(Method::PUT, "/upstreams/bad", &bad).await?;
    assert_eq!(refused.status, 400, "a field that it needs is missing");
    Ok(())
}
