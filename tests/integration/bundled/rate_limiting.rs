//! `rate-limiting` where nodes count together.

use std::time::Duration;

use gateway_tests::{Database, Gateway, Postgres, Redis, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

const PASSWORD: &str = "hunter22";

/// Two nodes on one database, and a route with this configuration that both of them have.
async fn nodes(upstream: &Upstream, config: &Value) -> anyhow::Result<[Gateway; 2]> {
    let url = Postgres::shared()?.database()?;
    let one = || gateway().database(Database::Postgres(url.clone())).set("REDIS_PASSWORD", PASSWORD);
    let both = [one().start().await?, one().start().await?];
    let [first, second] = &both;
    serve(first, "shop", &upstream.url()).await?;
    assign(first, "shop", &json!({ "name": "rate-limiting", "config": config })).await?;
    for gateway in [first, second] {
        let live = |answer: &gateway_tests::Answer| !answer.header("x-ratelimit-limit-year").is_empty();
        gateway.wait_for("the limit is live", PATIENCE, "/shop", live).await?;
    }
    Ok(both)
}

#[tokio::test]
async fn nodes_count_together_in_the_database_or_in_a_redis_of_the_assignment() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let redis = Redis::with_password(PASSWORD)?;
    let server = json!({
        "host": redis.address().ip().to_string(), "port": redis.address().port(), "database": 2,
        "password": "{vault://env/redis-password}",
    });
    let encrypted = Redis::with_tls()?;
    let by_tls = json!({ "host": encrypted.address().ip().to_string(), "port": encrypted.address().port(), "ssl": true });
    for config in [
        json!({ "year": 8, "policy": "cluster", "limit_by": "service" }),
        json!({ "year": 8, "month": 8, "policy": "redis", "redis": server, "limit_by": "service" }),
        json!({ "year": 8, "policy": "redis", "redis": by_tls, "limit_by": "service" }),
    ] {
        let [first, second] = nodes(&upstream, &config).await?;
        let mut left = Vec::new();
        let mut refused = 0;
        for gateway in [&first, &second].into_iter().cycle().take(12) {
            let answer = gateway.get("/shop", &[]).await?;
            match answer.status.as_u16() {
                200 => left.push(answer.header("x-ratelimit-remaining-year").parse::<u64>()?),
                429 => refused += 1,
                other => anyhow::bail!("{config}: {other} {}", answer.text()),
            }
        }
        // Some were counted while it was waited for both nodes: what is left goes down one by one to nothing.
        let first_left = left.first().copied().unwrap_or_default();
        let down: Vec<u64> = (0..=first_left).rev().collect();
        assert_eq!(left, down, "{config}");
        assert_eq!(refused, 12 - left.len(), "{config}");
    }
    assert!(redis.command(&["INFO", "keyspace"])?.contains("db2:"), "in the database that was named");
    assert!(
        encrypted.command(&["INFO", "keyspace"])?.contains("db0:"),
        "and in the one that speaks TLS alone"
    );
    Ok(())
}

#[tokio::test]
async fn a_redis_whose_certificate_nobody_vouches_for_is_told_nothing_if_that_is_asked() -> anyhow::Result<()>
{
    let (upstream, gateway) = (Upstream::saying("ok").await?, gateway().start().await?);
    let redis = Redis::with_tls()?;
    let server = json!({
        "host": redis.address().ip().to_string(), "port": redis.address().port(), "ssl": true, "ssl_verify": true,
    });
    serve(&gateway, "shop", &upstream.url()).await?;
    let config = json!({ "hour": 8, "policy": "redis", "redis": server, "fault_tolerant": false });
    assign(&gateway, "shop", &json!({ "name": "rate-limiting", "config": config })).await?;
    gateway.wait_for("nothing is counted", PATIENCE, "/shop", |answer| answer.status == 500).await?;
    assert!(gateway.log().contains("requests cannot be counted"), "the operator is told");
    assert_eq!(redis.command(&["DBSIZE"])?.trim(), "0");
    Ok(())
}

#[tokio::test]
async fn a_redis_that_is_away_lets_requests_through_or_stops_them() -> anyhow::Result<()> {
    let (upstream, gateway) = (Upstream::saying("ok").await?, gateway().start().await?);
    let mut redis = Redis::start()?;
    let server =
        json!({ "host": redis.address().ip().to_string(), "port": redis.address().port(), "timeout": 300 });
    for (route, tolerant) in [("open", true), ("closed", false)] {
        serve(&gateway, route, &upstream.url()).await?;
        let config = json!({ "hour": 1000, "policy": "redis", "redis": server, "fault_tolerant": tolerant });
        assign(&gateway, route, &json!({ "name": "rate-limiting", "config": config })).await?;
        let path = format!("/{route}");
        let live = |answer: &gateway_tests::Answer| !answer.header("x-ratelimit-limit-hour").is_empty();
        gateway.wait_for("the limit is live", PATIENCE, &path, live).await?;
    }
    redis.stop();
    let began = std::time::Instant::now();
    for _ in 0..20 {
        let answer = gateway.get("/open", &[]).await?;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit-hour")), (200, ""));
        let answer = gateway.get("/closed", &[]).await?;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.json()["message"], "An unexpected error occurred");
    }
    assert!(began.elapsed() < Duration::from_secs(8), "not each of them waits: {:?}", began.elapsed());
    for told in ["requests cannot be counted", &format!("redis at {}", redis.address())] {
        assert!(gateway.log().contains(told), "the operator is told: {told}");
    }
    redis.start_again()?;
    let counted = || async {
        gateway
            .get("/closed", &[])
            .await
            .is_ok_and(|answer| answer.header("x-ratelimit-limit-hour") == "1000")
    };
    eventually("counting goes on", PATIENCE, counted).await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused() -> anyhow::Result<()> {
    let (upstream, gateway) = (Upstream::saying("ok").await?, gateway().start().await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    for (config, told) in [
        (json!({ "hour": 1, "policy": "redis" }), "redis"),
        (json!({ "hour": 1, "policy": "redis", "redis": { "host": "h", "port": 70000 } }), "port"),
        (
            json!({ "hour": 1, "policy": "redis", "redis": { "host": "h", "ssl": true, "server_name": "other" } }),
            "server_name",
        ),
    ] {
        let body = json!({ "name": "rate-limiting", "config": config });
        let answer = gateway.admin(Method::POST, "/routes/shop/plugins", &body).await?;
        assert!(answer.status == 400 && answer.text().contains(told), "{config}: {}", answer.text());
    }
    Ok(())
}
