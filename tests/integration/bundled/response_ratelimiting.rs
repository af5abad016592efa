//! Kong's `response-ratelimiting` through the real process: the upstream says what a request has cost.

use bytes::Bytes;
use gateway_tests::{Gateway, Redis, Upstream};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// An upstream that says a request has cost what the request's header `x-cost` says.
#[expect(clippy::expect_used, reason = "costs of these tests are header values")]
async fn costly() -> anyhow::Result<Upstream> {
    Upstream::start(|seen| {
        let mut response = Response::builder();
        for cost in seen.headers.get_all("x-cost") {
            response = response.header("x-kong-limit", cost);
        }
        response.body(Full::new(Bytes::from_static(b"ok"))).expect("valid")
    })
    .await
}

/// A route with these limits. A year is long enough not to end during a test, but for one night.
async fn limited(gateway: &Gateway, upstream: &Upstream, config: Value) -> anyhow::Result<()> {
    serve(gateway, "shop", &upstream.url()).await?;
    assign(gateway, "shop", &json!({ "name": "response-ratelimiting", "config": config })).await?;
    let live = "the plugin is live";
    gateway.wait_for(live, PATIENCE, "/shop", |answer| !answer.header(VIDEO).is_empty()).await?;
    Ok(())
}

const VIDEO: &str = "x-ratelimit-remaining-video-year";

#[tokio::test]
async fn what_responses_cost_is_counted_until_nothing_is_left() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, costly().await?);
    limited(&gateway, &upstream, json!({ "limits": { "video": { "year": 5 }, "image": { "year": 9 } } }))
        .await?;
    for (cost, remaining) in [("video=2, image=1", "3"), ("other=7", "3"), ("video=4", "0")] {
        let answer = gateway.get("/shop", &[("x-cost", cost)]).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "ok"), "{cost}");
        assert_eq!((answer.header(VIDEO), answer.header("x-kong-limit")), (remaining, ""), "{cost}");
        assert_eq!(answer.header("x-ratelimit-limit-video-year"), "5", "{cost}");
    }
    let refused = gateway.get("/shop", &[("x-cost", "video=1")]).await?;
    assert_eq!((refused.status.as_u16(), refused.text().as_str()), (429, ""));
    assert_eq!((refused.header(VIDEO), refused.header("x-kong-limit")), ("0", ""));
    let answer = gateway
        .get("/shop", &[("x-cost", "image=1"), ("x-cost", "image=2"), ("x-ratelimit-remaining-video", "9")])
        .await?;
    assert_eq!(answer.status, 200, "images are left: {}", answer.text());
    assert_eq!(answer.header("x-ratelimit-remaining-image-year"), "6");
    let seen = upstream.seen().pop().expect("one request");
    let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-ratelimit-remaining-video"), Some("0"));
    assert_eq!(header("x-ratelimit-remaining-image"), Some("8"));

    let plugins = gateway.apply(Method::GET, "/routes/shop/plugins", &Value::Null).await?;
    let id = plugins["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    let change = json!({ "config": { "block_on_first_violation": true } });
    gateway.apply(Method::PATCH, &format!("/plugins/{id}"), &change).await?;
    gateway.wait_for("what is used up blocks all", PATIENCE, "/shop", |answer| answer.status == 429).await?;
    let before = upstream.seen().len();
    let refused = gateway.get("/shop", &[("accept", "application/json")]).await?;
    assert_eq!(refused.json()["message"], json!("API rate limit exceeded for 'video'"));
    assert_eq!(upstream.seen().len(), before, "the upstream is spared");
    Ok(())
}

#[tokio::test]
async fn costs_are_counted_in_the_redis_of_the_assignment() -> anyhow::Result<()> {
    let (mut redis, upstream) = (Redis::start()?, costly().await?);
    let gateway = gateway().start().await?;
    let server = json!({ "host": "127.0.0.1", "port": redis.address().port(), "timeout": 500 });
    let config = json!({ "limits": { "video": { "year": 5 } }, "policy": "redis", "redis": server });
    limited(&gateway, &upstream, config).await?;
    let answer = gateway.get("/shop", &[("x-cost", "video=6")]).await?;
    assert_eq!((answer.status.as_u16(), answer.header(VIDEO)), (200, "0"));
    assert_eq!(gateway.get("/shop", &[("x-cost", "video=1")]).await?.status, 429);
    redis.stop();
    let answer = gateway.get("/shop", &[("x-cost", "video=1")]).await?;
    assert_eq!(answer.status, 200, "nobody can tell what is left: {}", answer.text());
    assert_eq!((answer.header(VIDEO), answer.header("x-kong-limit")), ("", ""));
    Ok(())
}

#[tokio::test]
async fn limits_that_say_nothing_are_refused() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    for (config, words) in [
        (json!({}), "required field missing"),
        (json!({ "limits": {} }), "length must be at least 1"),
        (json!({ "limits": { "video": {} } }), "at least one of these fields must be non-empty"),
        (json!({ "limits": { "video": { "year": 0 } } }), "value must be greater than 0"),
        (
            json!({ "limits": { "video": { "second": 2, "minute": 1 } } }),
            "the limit for minute(1.0) cannot be lower than the limit for second(2.0)",
        ),
    ] {
        let body = json!({ "name": "response-ratelimiting", "config": config });
        let answer = gateway.admin(Method::POST, "/plugins", &body).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
        assert!(answer.text().contains(words), "{config}: {}", answer.text());
    }
    Ok(())
}
