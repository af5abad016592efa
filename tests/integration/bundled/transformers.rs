//! `request-transformer` and `response-transformer` on bodies.

use bytes::Bytes;
use gateway_tests::{Answer, Client, Gateway, Seen, Upstream, request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const SAID: &str = r#"{"price": 1.50, "secret": "x", "list": [ 1 ]}"#;

/// Answers with the type and the encoding that the request asks for.
fn answer(seen: &Seen) -> Response<Full<Bytes>> {
    let body = if seen.headers.contains_key("x-broken") { "{" } else { SAID };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    let asked = seen.headers.get("x-type").cloned().unwrap_or(HeaderValue::from_static(JSON));
    response.headers_mut().insert(CONTENT_TYPE, asked);
    if let Some(encoding) = seen.headers.get("x-encoding") {
        response.headers_mut().insert(CONTENT_ENCODING, encoding.clone());
    }
    response
}

async fn site(plugin: &str, config: Value) -> anyhow::Result<(Gateway, Upstream)> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::start(answer).await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    assign(&gateway, "shop", &json!({ "name": plugin, "config": config })).await?;
    let marker =
        json!({ "name": "correlation-id", "config": { "header_name": "x-live", "echo_downstream": true } });
    assign(&gateway, "shop", &marker).await?;
    let live = |answer: &Answer| !answer.header("x-live").is_empty();
    gateway.wait_for("the plugins are live", PATIENCE, "/shop", live).await?;
    Ok((gateway, upstream))
}

async fn post(gateway: &Gateway, headers: &[(&str, &str)], body: &str) -> anyhow::Result<Answer> {
    let request = request(Method::POST, "/shop?page=2", headers, body.to_owned())?;
    Client::connect(gateway.proxy).await?.send(request).await
}

#[tokio::test]
async fn bodies_of_requests_are_changed() -> anyhow::Result<()> {
    let config = json!({
        "remove": { "body": ["secret"] }, "rename": { "body": ["old:new"] }, "replace": { "body": ["a:2"] },
        "add": { "body": ["page:$(query_params.page)"] }, "append": { "body": ["list:z"] },
    });
    let (gateway, upstream) = site("request-transformer", config).await?;
    let part = |name: &str, value: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = [part("old", "1"), part("secret", "x"), part("b", "\r\n")].concat() + "--xx--\r\n";
    let changed = [part("b", "\r\n"), part("new", "1"), part("page", "2")].concat() + "--xx--\r\n";
    let object = r#"{"old": 1.50, "secret": "x", "a": 1, "list": [ 1 ]}"#;
    let long = format!(r#"{{"secret":"{}"}}"#, "x".repeat(64 << 10));
    for (case, content_type, body, sent) in [
        ("form", FORM, "a=1&secret=x&old=%20&list=y", "a=2&new=%20&list=y&page=2&list=z"),
        ("json", JSON, object, r#"{"new":1.50,"a":"2","list":[ 1,"z"],"page":"2"}"#),
        ("parts", "multipart/form-data; boundary=xx", &parts, &changed),
        ("long", JSON, &long, r#"{"page":"2","list":["z"]}"#),
        ("nothing", JSON, "", r#"{"page":"2","list":["z"]}"#),
        ("broken", JSON, r#"{"secret":"x""#, r#"{"secret":"x""#),
        ("another type", "text/plain", "secret=x", "secret=x"),
    ] {
        let answer = post(&gateway, &[("content-type", content_type)], body).await?;
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        let seen = upstream.seen().pop().expect("one request");
        assert_eq!(String::from_utf8_lossy(&seen.body), sent, "{case}");
        let length = seen.headers.get("content-length").and_then(|value| value.to_str().ok());
        assert_eq!(length, Some(sent.len().to_string().as_str()), "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn json_of_responses_is_changed() -> anyhow::Result<()> {
    let config = json!({
        "remove": { "json": ["secret"] }, "rename": { "json": ["price:cost"] },
        "add": { "json": ["open:true", "count:7"], "json_types": ["boolean", "number"], "headers": ["x-by:weir"] },
        "append": { "json": ["list:z"] },
    });
    let (gateway, _upstream) = site("response-transformer", config).await?;
    let changed = r#"{"cost":1.50,"list":[ 1,"z"],"open":true,"count":7}"#;
    for (case, headers, said) in [
        ("JSON", &[("x-type", "application/json; charset=utf-8")], changed),
        ("another type", &[("x-type", "text/plain")], SAID),
        ("compressed", &[("x-encoding", "br")], SAID),
        ("broken", &[("x-broken", "1")], "{"),
    ] {
        let answer = gateway.get("/shop", headers).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, said), "{case}");
        assert_eq!(answer.header("x-by"), "weir", "{case}: headers are changed in any case");
        assert_eq!(answer.header("content-length"), said.len().to_string(), "{case}");
    }
    let head = request(Method::HEAD, "/shop", &[], "")?;
    let answer = Client::connect(gateway.proxy).await?.send(head).await?;
    assert_eq!((answer.status.as_u16(), answer.header("x-by")), (200, "weir"));
    Ok(())
}
