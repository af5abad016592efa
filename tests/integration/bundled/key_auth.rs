//! `key-auth` where the key is in the body.

use bytes::Bytes;
use gateway_tests::{Answer, Client, Gateway, Upstream, request};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(gateway: &Gateway, content_type: &str, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
    let request = request(Method::POST, "/shop", &[("content-type", content_type)], body.into())?;
    Client::connect(gateway.proxy).await?.send(request).await
}

#[tokio::test]
async fn a_key_in_the_body_names_the_caller_and_is_hidden() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "ann" })).await?;
    gateway.apply(Method::POST, "/consumers/ann/key-auth", &json!({ "key": "k1" })).await?;
    // An assignment for one consumer is chosen after the body has said who it is.
    let marked = json!({
        "name": "request-transformer", "consumer": { "username": "ann" },
        "config": { "add": { "headers": ["x-for:ann"] } },
    });
    assign(&gateway, "shop", &marked).await?;
    let config = json!({ "key_in_body": true, "hide_credentials": true });
    assign(&gateway, "shop", &json!({ "name": "key-auth", "config": config })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/shop", |answer| answer.status == 401).await?;

    let multipart = "multipart/form-data; boundary=xx";
    let part = |name: &str, value: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = part("a", "1") + &part("apikey", "k1") + "--xx--\r\n";
    for (content_type, body, sent) in [
        (FORM, "a=1&apikey=k1&b=2".to_owned(), "a=1&b=2".to_owned()),
        ("application/json", r#"{"a":1.50,"apikey":"k1"}"#.to_owned(), r#"{"a":1.50}"#.to_owned()),
        (multipart, parts, part("a", "1") + "--xx--\r\n"),
    ] {
        let answer = post(&gateway, content_type, body).await?;
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
        let seen = upstream.seen().pop().expect("one request");
        let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("x-consumer-username"), Some("ann"), "{content_type}");
        assert_eq!(header("x-for"), Some("ann"), "{content_type}");
        assert_eq!(String::from_utf8_lossy(&seen.body), sent, "{content_type}");
        assert_eq!(header("content-length"), Some(sent.len().to_string().as_str()), "{content_type}");
    }
    for (case, content_type, body) in [
        ("another key", FORM, "apikey=k2".to_owned()),
        ("no key", FORM, "a=1".to_owned()),
        ("two keys", FORM, "apikey=k1&apikey=k1".to_owned()),
        ("not a form", "text/plain", "apikey=k1".to_owned()),
        ("broken JSON", "application/json", r#"{"apikey":"k1""#.to_owned()),
        ("nothing", FORM, String::new()),
    ] {
        assert_eq!(post(&gateway, content_type, body).await?.status, 401, "{case}");
    }
    let long = format!("a={}&apikey=k1", "x".repeat(1 << 20));
    assert_eq!(post(&gateway, FORM, long).await?.status, 413, "longer than is looked into");
    Ok(())
}
