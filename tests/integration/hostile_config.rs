//! Configurations that no plugin should be handed: refused, or passed on as the values that they are; the gateway serves on.

use std::time::{Duration, Instant};

use gateway_tests::Upstream;
use http::Method;
use serde_json::json;

use crate::setup::{gateway, serve};

/// What the Admin API may take for one of them.
const ANSWER: Duration = Duration::from_secs(10);

#[tokio::test]
async fn configurations_out_of_bounds_are_refused_and_requests_go_on() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let config = |config: &str| format!(r#"{{"name":"request-transformer","config":{config}}}"#);
    let headers = |value: &str| config(&format!(r#"{{"add":{{"headers":[{value}]}}}}"#));
    let json = [("content-type", "application/json")];
    for (case, body, wanted) in [
        ("ten megabytes", headers(&format!("\"x-a:{}\"", "b".repeat(10 << 20))), 413),
        ("nested ten thousand levels", config(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))), 400),
        ("nested objects", config(&format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000))), 400),
        ("a number beyond all", headers("1e999"), 400),
        ("a number of a thousand digits", headers(&"9".repeat(1000)), 400),
        ("half of a surrogate pair", headers(r#""x-a:\ud800""#), 400),
        ("bytes that are no text", headers("\"x-a:\u{0}\""), 400),
        ("no end", config("{"), 400),
    ] {
        let begun = Instant::now();
        let post = gateway_tests::request(Method::POST, "/plugins", &json, body)?;
        let answer = gateway_tests::Client::connect(gateway.admin).await?.send(post).await?;
        assert_eq!(answer.status, wanted, "{case}: {}", answer.text());
        assert!(begun.elapsed() < ANSWER, "{case}: {:?}", begun.elapsed());
        assert_eq!(gateway.get("/a", &[]).await?.status, 200, "{case}: requests go on");
    }
    let kept = gateway.apply(Method::GET, "/plugins", &json!(null)).await?;
    assert_eq!(kept["data"], json!([]), "none of them was kept");
    Ok(())
}
