//! Requests that are sent elsewhere: no upstream sees them.

use gateway_tests::Upstream;
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_sent_to_the_location() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    for (route, config, status, location) in [
        ("plain", json!({ "location": "https://example.com" }), 301, "https://example.com"),
        (
            "found",
            json!({ "status_code": 302, "location": "https://example.com/path?foo=bar" }),
            302,
            "https://example.com/path?foo=bar",
        ),
        (
            "kept",
            json!({ "location": "https://example.com/some_path?foo=bar", "keep_incoming_path": true }),
            301,
            "https://example.com/kept/status/200?keep=this",
        ),
    ] {
        serve(&gateway, route, &upstream.url()).await?;
        assign(&gateway, route, &json!({ "name": "redirect", "config": config })).await?;
        let path = format!("/{route}/status/200?keep=this");
        let live = |answer: &gateway_tests::Answer| answer.status != 200;
        gateway.wait_for("clients are sent elsewhere", PATIENCE, &path, live).await?;

        let before = upstream.seen().len();
        let answer = gateway.get(&path, &[]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location"), answer.text().as_str()),
            (status, location, "redirecting"),
            "{route}"
        );
        assert_eq!(upstream.seen().len(), before, "{route}: the upstream saw nothing");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_url_is_refused() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    for (config, want) in [
        (json!({}), "required field missing"),
        (json!({ "location": "definitely_not_a_url" }), "missing host in url"),
        (json!({ "location": "//example.com" }), "missing scheme in url"),
        (
            json!({ "location": "https://example.com", "status_code": 600 }),
            "value should be between 100 and 599",
        ),
        (json!({ "location": "https://example.com", "keep_incoming_path": "yes" }), "expected a boolean"),
    ] {
        let body = json!({ "name": "redirect", "config": config });
        let refused = gateway.admin(Method::POST, "/routes/shop/plugins", &body).await?;
        assert_eq!(refused.status, 400, "{config}");
        assert!(refused.text().contains(want), "{config}: {}", refused.text());
    }
    Ok(())
}
