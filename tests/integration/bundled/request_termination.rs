//! Requests that the gateway answers at once: no upstream sees them.

use gateway_tests::{Client, Gateway, Upstream, request};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// Puts the plugin on the route, and waits until it answers with its status.
async fn terminate(gateway: &Gateway, route: &str, path: &str, config: &Value) -> anyhow::Result<Value> {
    let made = assign(gateway, route, &json!({ "name": "request-termination", "config": config })).await?;
    let status = made["config"]["status_code"].as_u64().unwrap_or_default();
    let done = |answer: &gateway_tests::Answer| u64::from(answer.status.as_u16()) == status;
    gateway.wait_for("requests are answered at once", PATIENCE, path, done).await?;
    Ok(made)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_in_place_of_the_upstream() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    for (route, config, status, body, kind) in [
        ("plain", json!({}), 503, r#"{"message":"Service unavailable"}"#, "application/json; charset=utf-8"),
        ("silent", json!({ "status_code": 204 }), 204, "", ""),
        (
            "page",
            json!({ "status_code": 451, "content_type": "text/html", "body": "<h1>gone</h1>" }),
            451,
            "<h1>gone</h1>",
            "text/html",
        ),
    ] {
        serve(&gateway, route, &upstream.url()).await?;
        let path = format!("/{route}");
        terminate(&gateway, route, &path, &config).await?;
        let before = upstream.seen().len();
        let answer = gateway.get(&path, &[("accept", "application/xml")]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str(), answer.header("content-type")),
            (status, body, kind),
            "{route}"
        );
        assert_eq!(upstream.seen().len(), before, "{route}: the upstream saw nothing");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_echo_describes_the_request() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    let config = json!({ "status_code": 404, "echo": true, "trigger": "gimme_an_echo" });
    terminate(&gateway, "shop", "/shop?gimme_an_echo", &config).await?;
    assert_eq!(gateway.get("/shop", &[]).await?.text(), "ok", "without the trigger it goes on");

    let headers =
        [("gimme-an-echo", "1"), ("authorization", "Basic eDp5"), ("content-type", "application/json")];
    let sent = request(Method::POST, "/shop/a?hello=there", &headers, r#"{"a":1}"#)?;
    let answer = Client::connect(gateway.proxy).await?.send(sent).await?;
    let echo = answer.json();
    assert_eq!(
        (answer.status, &echo["message"]),
        (StatusCode::NOT_FOUND, &json!("Not found")),
        "{}",
        answer.text()
    );
    for (what, want) in [
        ("method", json!("POST")),
        ("scheme", json!("http")),
        ("host", json!("127.0.0.1")),
        ("port", json!(gateway.proxy.port())),
        ("path", json!("/shop/a")),
        ("query", json!({ "hello": "there" })),
        ("raw_body", json!(r#"{"a":1}"#)),
        ("body", json!({ "a": 1 })),
    ] {
        assert_eq!(echo["request"][what], want, "{what}");
    }
    assert_eq!(echo["request"]["headers"]["authorization"], "Basic eDp5");
    assert_eq!(echo["matched_route"]["paths"], json!(["/shop"]));
    assert_eq!(echo["matched_service"]["name"], "shop");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_are_refused() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    for config in [
        json!({ "message": "m", "body": "b" }),
        json!({ "content_type": "text/html" }),
        json!({ "status_code": 99 }),
        json!({ "status_code": 600 }),
        json!({ "trigger": "a b" }),
    ] {
        let body = json!({ "name": "request-termination", "config": config });
        let refused = gateway.admin(Method::POST, "/routes/shop/plugins", &body).await?;
        assert_eq!(refused.status, 400, "{config}: {}", refused.text());
    }
    Ok(())
}
