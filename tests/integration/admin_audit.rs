//! The audit log of a running gateway: no change without its record, whatever ends the process, and no
//! record that can be altered unseen.

use std::time::Duration;

use gateway_tests::{Database, Gateway, GatewayBuilder, Postgres};
use http::Method;
use serde_json::{Value, json};

use crate::admin_access::{call, weir};
use crate::setup::gateway;

const LONG: Duration = Duration::from_secs(60);
/// How often a gateway is killed: more where somebody asks for it.
const KILLS: &str = "WEIR_TEST_KILLS";

async fn requests(gateway: &Gateway) -> anyhow::Result<Vec<Value>> {
    let (mut path, mut all) = ("/audit/requests?size=1000".to_owned(), Vec::new());
    loop {
        let page = call(gateway, &[], Method::GET, &path, &Value::Null).await?.json();
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return Ok(all),
        }
    }
}

/// Whether the chain is whole, and what the command said.
fn verified(gateway: &Gateway, database: Option<&str>) -> anyhow::Result<(bool, String)> {
    let done = weir(gateway, database, &["audit", "verify"])?;
    let text = [done.stdout, done.stderr].concat();
    Ok((done.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// Makes services until the gateway is gone; names of those that it said it made, and that it may have.
async fn write_until_gone(gateway: &Gateway, round: usize) -> (Vec<String>, Vec<String>) {
    let (mut made, mut asked) = (Vec::new(), Vec::new());
    for number in 0.. {
        let name = format!("s-{round}-{number}");
        let body = json!({ "name": name, "host": "a.test" });
        asked.push(name.clone());
        match call(gateway, &[], Method::POST, "/services", &body).await {
            Ok(answer) if answer.status == 201 => made.push(name),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    (made, asked)
}

/// Kills the gateway: long enough after the start for some writes, and never at the same point of one.
async fn kill(gateway: &Gateway, round: usize) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_millis(150 + 37 * u64::try_from(round % 10)?)).await;
    gateway.signal("KILL")
}

#[tokio::test]
async fn no_kill_separates_a_change_from_its_record() -> anyhow::Result<()> {
    let kills: usize = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let postgres = Postgres::shared()?.database()?;
    for url in [None, Some(postgres.as_str())] {
        let folder = tempfile::tempdir()?;
        let start = || -> GatewayBuilder {
            let builder = gateway().prefix(folder.path());
            match url {
                Some(url) => builder.database(Database::Postgres(url.to_owned())),
                None => builder,
            }
        };
        let mut made = Vec::new();
        for round in 0..kills {
            let running = start().start().await?;
            let (written, killed) = tokio::join!(write_until_gone(&running, round), kill(&running, round));
            killed?;
            made.extend(written.0);
        }
        let running = start().start().await?;
        let (whole, said) = verified(&running, url)?;
        assert!(whole, "{url:?}: {said}");
        let objects = objects_named(&running).await?;
        for name in &made {
            assert!(objects.contains(name), "{name} was acknowledged and not written down");
        }
        let mut stored = Vec::new();
        let mut path = "/services?size=1000".to_owned();
        loop {
            let page = call(&running, &[], Method::GET, &path, &Value::Null).await?.json();
            let names = page["data"].as_array().into_iter().flatten();
            stored.extend(names.filter_map(|service| service["name"].as_str().map(str::to_owned)));
            match page["next"].as_str() {
                Some(next) => path = next.to_owned(),
                None => break,
            }
        }
        let (mut stored, mut recorded) = (stored, objects);
        stored.sort();
        recorded.sort();
        assert_eq!(stored, recorded, "what is there and what was written down: {url:?}");
    }
    Ok(())
}

/// Names of all services that were written down as made.
async fn objects_named(gateway: &Gateway) -> anyhow::Result<Vec<String>> {
    let (mut path, mut names) = ("/audit/objects?size=1000".to_owned(), Vec::new());
    loop {
        let page = call(gateway, &[], Method::GET, &path, &Value::Null).await?.json();
        let objects = page["data"].as_array().into_iter().flatten();
        let created = objects.filter(|object| object["operation"] == "create");
        names.extend(created.filter_map(|object| object["after"]["name"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return Ok(names),
        }
    }
}

#[tokio::test]
async fn who_alters_the_log_is_seen() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    let url = server.database()?;
    let gateway = gateway().database(Database::Postgres(url.clone())).start().await?;
    for number in 0..5 {
        let body = json!({ "name": format!("s{number}"), "host": "a.test" });
        assert_eq!(call(&gateway, &[], Method::POST, "/services", &body).await?.status, 201);
    }
    let (whole, said) = verified(&gateway, Some(&url))?;
    assert!(whole && said.contains("5 records"), "{said}");
    for (case, attempt, undo, want) in [
        (
            "another actor",
            "UPDATE audit_log SET entry = replace(entry, 'anonymous', 'somebody') WHERE seq = 3",
            "UPDATE audit_log SET entry = replace(entry, 'somebody', 'anonymous') WHERE seq = 3",
            "row 3",
        ),
        (
            "a row that is gone",
            "CREATE TABLE kept AS SELECT * FROM audit_log WHERE seq = 2; DELETE FROM audit_log WHERE seq = 2",
            "INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept",
            "rows 2 to 2 are missing",
        ),
        (
            "the last row that is gone",
            "CREATE TABLE kept AS SELECT * FROM audit_log WHERE seq = 5; DELETE FROM audit_log WHERE seq = 5",
            "INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept",
            "ends with row 4",
        ),
        (
            "a digest that was made to fit",
            "UPDATE audit_log SET digest = repeat('0', 64) WHERE seq = 5",
            "UPDATE audit_log SET digest = (SELECT digest FROM audit_head) WHERE seq = 5",
            "row 5",
        ),
    ] {
        server.sql(&url, attempt)?;
        let (whole, said) = verified(&gateway, Some(&url))?;
        assert!(!whole && said.contains(want), "{case}: {said}");
        server.sql(&url, undo)?;
        assert!(verified(&gateway, Some(&url))?.0, "{case}: undone");
    }
    Ok(())
}

#[tokio::test]
async fn a_change_that_cannot_be_written_down_is_not_made() -> anyhow::Result<()> {
    let server = Postgres::shared()?;
    for (mode, want, made) in [("on", 503, 0), ("best-effort", 201, 1), ("off", 201, 1)] {
        let url = server.database()?;
        let builder = gateway().database(Database::Postgres(url.clone())).set("WEIR_AUDIT_LOG", mode);
        let gateway = builder.start().await?;
        server.sql(&url, "ALTER TABLE audit_log RENAME TO gone")?;
        let body = json!({ "name": "s", "host": "a.test" });
        let answer = call(&gateway, &[], Method::POST, "/services", &body).await?;
        assert_eq!(answer.status, want, "{mode}: {}", answer.text());
        let services = call(&gateway, &[], Method::GET, "/services", &Value::Null).await?.json();
        assert_eq!(services["data"].as_array().map(Vec::len), Some(made), "{mode}");
        if mode == "on" {
            assert!(answer.text().contains("audit log"), "{}", answer.text());
        }
        server.sql(&url, "ALTER TABLE gone RENAME TO audit_log")?;
        let body = json!({ "name": "s2", "host": "a.test" });
        assert_eq!(call(&gateway, &[], Method::POST, "/services", &body).await?.status, 201, "{mode}");
        assert!(verified(&gateway, Some(&url))?.0, "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_database_the_log_is_kept_all_the_same() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = r#"_format_version: "3.0""#;
    let start = || {
        let without = gateway().prefix(folder.path()).set("WEIR_DATABASE", "off");
        without.set("WEIR_DECLARATIVE_CONFIG_STRING", empty)
    };
    let mut first = start().start().await?;
    for path in ["/services", "/config", "/nowhere"] {
        call(&first, &[], Method::POST, path, &json!({ "x": 1 })).await?;
    }
    let before = requests(&first).await?;
    assert_eq!(before.len(), 3, "{before:?}");
    first.signal("TERM")?;
    first.ended(LONG).await?;
    drop(first);
    let second = start().start().await?;
    call(&second, &[], Method::DELETE, "/services/x", &Value::Null).await?;
    let after = requests(&second).await?;
    assert_eq!(after.len(), 4, "{after:?}");
    assert_eq!(after[1..], before[..], "what was written down before the restart");
    Ok(())
}
