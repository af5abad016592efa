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

#[tokio::test]
async fn what_is_said_twice_or_holds_control_characters_has_one_meaning() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let json = [("content-type", "application/json")];
    let post = async |config: &str| {
        let body = format!(r#"{{"name":"request-transformer","config":{config}}}"#);
        let post = gateway_tests::request(Method::POST, "/routes/a/plugins", &json, body)?;
        gateway_tests::Client::connect(gateway.admin).await?.send(post).await
    };
    let twice = post(r#"{"add":{"headers":["x-a:1"]},"add":{"headers":["x-b:2"]}}"#).await?;
    assert_eq!(twice.status, 201, "{}", twice.text());
    assert_eq!(twice.json()["config"]["add"]["headers"], json!(["x-b:2"]), "the last counts, as in Kong");
    gateway_tests::eventually("it is live", crate::setup::PATIENCE, || async {
        _ = gateway.get("/a", &[]).await;
        upstream.seen().pop().is_some_and(|seen| seen.headers.contains_key("x-b"))
    })
    .await?;
    let seen = upstream.seen().pop().map(|seen| seen.headers).unwrap_or_default();
    assert!(!seen.contains_key("x-a"), "what was checked is what runs: {seen:?}");
    let id = twice.json()["id"].as_str().unwrap_or_default().to_owned();
    gateway.apply(Method::DELETE, &format!("/plugins/{id}"), &json!(null)).await?;
    for text in [r"x-a:b\u0000c", r"x-a\u0000:b", r"x-a:b\r\nx-evil: c", r"x-a:\u0000"] {
        let answer = post(&format!(r#"{{"add":{{"headers":["{text}"]}}}}"#)).await?;
        let before = upstream.seen().len();
        if answer.status == 201 {
            // It is a text like any other until it would be sent; then it is a bad answer of the plugin.
            gateway
                .wait_for("it fails closed", crate::setup::PATIENCE, "/a", |answer| answer.status == 500)
                .await?;
            let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
            gateway.apply(Method::DELETE, &format!("/plugins/{id}"), &json!(null)).await?;
        } else {
            assert_eq!(answer.status, 400, "{text}: {}", answer.text());
        }
        gateway
            .wait_for("requests go on", crate::setup::PATIENCE, "/a", |answer| answer.status == 200)
            .await?;
        for seen in upstream.seen().into_iter().skip(before) {
            assert!(
                !seen.headers.contains_key("x-evil") && !seen.headers.contains_key("x-a"),
                "{text}: {seen:?}"
            );
        }
    }
    Ok(())
}
