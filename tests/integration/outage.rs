//! The database goes and comes back: traffic goes on, writes are refused in clear words.

use std::time::Duration;

use gateway_tests::{Client, Database, Gateway, Load, Postgres, Upstream};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

/// A busy machine makes a server stand still, and that is no outage: nobody is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_a_moment_is_waited_for() -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let gateway = gateway().database(Database::Postgres(server.database()?)).start().await?;
    for round in 0..2 {
        let service = json!({ "url": "http://127.0.0.1:1" });
        let path = format!("/services/{round}");
        // Longer than one connection is waited for.
        let (stalled, answer) = tokio::join!(
            server.stall(Duration::from_millis(2_200)),
            gateway.admin(Method::PUT, &path, &service)
        );
        stalled?;
        let answer = answer?;
        assert_eq!(answer.status, 200, "{round}: {}", answer.text());
    }
    assert!(!gateway.log().contains("the database is away"), "{}", gateway.log());
    Ok(())
}

/// As in a composition of containers, where nothing waits for anything: what a start does with a database is made up
/// for, tables and the sealing of secrets.
#[tokio::test]
async fn a_gateway_that_starts_before_its_database_is_ready_soon_after_it() -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let database = server.database()?;
    server.stop()?;
    let keys = "one:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    let gateway =
        gateway().database(Database::Postgres(database.clone())).set("WEIR_ENCRYPTION_KEYS", keys).spawn()?;
    let ready = || async {
        let Ok(mut client) = Client::connect(gateway.status).await else { return None };
        client.get("/status/ready", &[]).await.ok().map(|answer| answer.status.as_u16())
    };
    let waits = || async { gateway.log().contains("starting without it") && ready().await == Some(503) };
    gateway_tests::eventually("it has started, and is not ready", PATIENCE, waits).await?;
    server.start_again()?;
    let is_ready = || async { ready().await == Some(200) };
    gateway_tests::eventually("it is ready", Duration::from_secs(60), is_ready).await?;
    gateway.apply(Method::PUT, "/consumers/joe", &json!({})).await?;
    assert_eq!(server.sql(&database, "SELECT sealing FROM revision")?.trim(), "1", "secrets are sealed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stopped_and_started_again_under_traffic() -> anyhow::Result<()> {
    let server = Postgres::start()?;
    let database = server.database()?;
    let upstream = Upstream::saying("hello").await?;
    let folder = tempfile::tempdir()?;
    let start = || gateway().database(Database::Postgres(database.clone())).prefix(folder.path());
    let first = start().start().await?;
    serve(&first, "demo", &upstream.url()).await?;
    first.apply(Method::PUT, "/consumers/joe", &json!({})).await?;
    first.apply(Method::POST, "/consumers/joe/key-auth", &json!({ "key": "secret" })).await?;
    assign(&first, "demo", &json!({ "name": "key-auth" })).await?;
    first.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    assert_eq!(first.get("/demo", &[("apikey", "secret")]).await?.status, 200);
    let load = Load::start(first.proxy, 8, "/demo", &[("apikey", "secret")], |answer| {
        match answer.status.as_u16() {
            200 => Ok(()),
            status => Err(format!("{status} {}", answer.text())),
        }
    });
    let saved = || async { holds(&folder.path().join("last_good"), "secret") };
    gateway_tests::eventually("configuration and credentials are on disk", PATIENCE, saved).await?;
    server.stop()?;
    let refused = first.admin(Method::PUT, "/services/late", &json!({ "url": "http://127.0.0.1:1" })).await?;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.json()["message"].is_string(), "{}", refused.text());
    let second = start().start().await?;
    serves_as_before(&second).await?;
    server.start_again()?;
    let back = || async {
        first
            .admin(Method::PUT, "/services/late", &json!({ "url": "http://127.0.0.1:1" }))
            .await
            .is_ok_and(|answer| answer.status == 200)
    };
    gateway_tests::eventually("writes work again", Duration::from_secs(30), back).await?;
    serve(&first, "after", &upstream.url()).await?;
    second
        .wait_for("the restarted node hears of changes again", Duration::from_secs(30), "/after", |answer| {
            answer.status == 200
        })
        .await?;
    let report = load.stop().await;
    assert!(
        report.failures.is_empty(),
        "{} failures, such as {:?}",
        report.failures.len(),
        report.failures.first()
    );
    assert!(report.good > 100);
    Ok(())
}

/// A node that was started without its database.
async fn serves_as_before(second: &Gateway) -> anyhow::Result<()> {
    assert_eq!(
        second.get("/demo", &[]).await?.status,
        401,
        "a node restarted without its database serves as before"
    );
    assert_eq!(
        second.get("/demo", &[("apikey", "secret")]).await?.status,
        200,
        "known credentials go on working"
    );
    let status = Client::connect(second.status).await?.get("/status", &[]).await?.json();
    assert_eq!(status["configuration"]["source"], "last_good", "{status}");
    assert_eq!(status["database"]["reachable"], json!(false), "{status}");
    Ok(())
}

/// Whether a file in the folder holds the text.
fn holds(folder: &std::path::Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).any(|content| content.contains(text))
}
