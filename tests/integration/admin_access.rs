//! Who may use the Admin API of a running gateway: what starts, what is asked for, and ways around it.

use std::process::{Command, Output};
use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Answer, Client, Database, Gateway, GatewayBuilder, Postgres, free_port, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::gateway;

const ROOT: &str = "a-token-for-the-tests-only";
const LONG: Duration = Duration::from_secs(60);

/// One call with headers of one's own.
pub(crate) async fn call(
    gateway: &Gateway,
    headers: &[(&str, &str)],
    method: Method,
    path: &str,
    body: &Value,
) -> anyhow::Result<Answer> {
    let mut headers = headers.to_vec();
    let mut sent = Bytes::new();
    if !body.is_null() {
        headers.push(("content-type", "application/json"));
        sent = body.to_string().into();
    }
    Client::connect(gateway.admin).await?.send(request(method, path, &headers, sent)?).await
}

/// `weir` with the settings of a gateway that works in `gateway`'s folder.
pub(crate) fn weir(gateway: &Gateway, database: Option<&str>, words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(words).env_clear().env("WEIR_PREFIX", gateway.prefix());
    if let Some(url) = database {
        command.env("WEIR_DATABASE", "postgres").env("WEIR_DATABASE_URL", url);
    }
    Ok(command.output()?)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The log of a gateway that must not start.
pub(crate) async fn refused(builder: GatewayBuilder) -> anyhow::Result<String> {
    let mut gateway = builder.spawn()?;
    let status = gateway.ended(LONG).await?;
    anyhow::ensure!(!status.success(), "it ended with {status}");
    Ok(gateway.log())
}

#[tokio::test]
async fn an_admin_api_that_others_reach_does_not_start_unprotected() -> anyhow::Result<()> {
    let everywhere = || -> anyhow::Result<String> { Ok(format!("0.0.0.0:{}", free_port()?.port())) };
    let bare = || -> anyhow::Result<GatewayBuilder> { Ok(gateway().set("WEIR_ADMIN_LISTEN", everywhere()?)) };
    let log = refused(bare()?).await?;
    for want in [
        "other machines could use the Admin API on 0.0.0.0:",
        "without TLS and without asking who calls",
        "WEIR_ADMIN_TOKEN",
        "WEIR_ADMIN_LISTEN_UNPROTECTED=tls,auth",
    ] {
        assert!(log.contains(want), "{want} is missing in {log}");
    }
    let log = refused(bare()?.set("WEIR_ADMIN_TOKEN", ROOT)).await?;
    assert!(log.contains("WEIR_ADMIN_LISTEN_UNPROTECTED=tls\n") && !log.contains(ROOT), "{log}");
    let log = refused(bare()?.set("WEIR_ADMIN_LISTEN_UNPROTECTED", "tls")).await?;
    assert!(log.contains("without asking who calls"), "{log}");
    let log = refused(gateway().set("WEIR_ADMIN_TOKEN", "short")).await?;
    assert!(log.contains("20 characters"), "{log}");
    let log = refused(gateway().set("WEIR_ADMIN_TOKEN", ROOT).set("WEIR_ADMIN_AUTH", "off")).await?;
    assert!(log.contains("nobody would be asked for it"), "{log}");

    let running = bare()?.set("WEIR_ADMIN_LISTEN_UNPROTECTED", "tls, auth").start().await?;
    assert!(running.log().contains("as admin_listen_unprotected allows"), "{}", running.log());
    Ok(())
}

#[tokio::test]
async fn tokens_are_made_on_the_command_line_and_checked_on_both_databases() -> anyhow::Result<()> {
    let postgres = Postgres::shared()?.database()?;
    for url in [None, Some(postgres.as_str())] {
        let builder = url
            .map_or_else(gateway, |url| gateway().database(Database::Postgres(url.to_owned())))
            .set("WEIR_ADMIN_TOKEN", ROOT);
        let gateway = builder.start().await?;
        let strangers = call(&gateway, &[], Method::GET, "/", &Value::Null).await?;
        assert_eq!((strangers.status.as_u16(), strangers.header("www-authenticate")), (401, "Bearer"));
        assert_eq!(strangers.json(), json!({ "message": "Unauthorized" }));
        let health = Client::connect(gateway.status).await?.get("/status/ready", &[]).await?;
        assert_eq!(health.status, 200, "health checks need no token");

        let made = weir(&gateway, url, &["token", "create", "ci", "--role", "operator", "--scope", "a"])?;
        let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        assert!(made.status.success() && token.starts_with("weir_"), "{}", text(&made));
        let by = [("kong-admin-token", token.as_str())];
        let service = json!({ "name": "s", "host": "a.test", "tags": ["a"] });
        assert_eq!(call(&gateway, &by, Method::POST, "/services", &service).await?.status, 201);
        let global = json!({ "name": "t", "host": "a.test" });
        assert_eq!(call(&gateway, &by, Method::POST, "/services", &global).await?.status, 403);
        assert_eq!(call(&gateway, &by, Method::GET, "/admin-tokens", &Value::Null).await?.status, 403);

        let again = weir(&gateway, url, &["token", "create", "ci"])?;
        assert!(!again.status.success() && text(&again).contains("already"), "{}", text(&again));
        let listed = weir(&gateway, url, &["token", "list"])?;
        assert!(
            text(&listed).contains("\"name\":\"ci\"") && !text(&listed).contains("digest"),
            "{}",
            text(&listed)
        );
        assert!(weir(&gateway, url, &["token", "revoke", "ci"])?.status.success());
        assert_eq!(call(&gateway, &by, Method::GET, "/services", &Value::Null).await?.status, 401);

        let bearer = format!("Bearer {ROOT}");
        let root = [("authorization", bearer.as_str())];
        let audit = call(&gateway, &root, Method::GET, "/audit/objects", &Value::Null).await?.json();
        assert_eq!(audit["data"][0]["operation"], "delete", "{audit}");
        assert!(audit["data"][0]["actor"].as_str().is_some_and(|actor| actor.starts_with("command line")));
        assert!(!audit.to_string().contains(&token) && !gateway.log().contains(&token));
    }
    Ok(())
}

#[tokio::test]
async fn a_token_ends_by_itself() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_ADMIN_TOKEN", ROOT).start().await?;
    let made = weir(&gateway, None, &["token", "create", "short", "--ttl", "4"])?;
    let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let by = [("kong-admin-token", token.as_str())];
    assert_eq!(call(&gateway, &by, Method::GET, "/services", &Value::Null).await?.status, 200);
    gateway_tests::eventually("the token ends", LONG, || async {
        call(&gateway, &by, Method::GET, "/services", &Value::Null)
            .await
            .is_ok_and(|answer| answer.status == 401)
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn guessing_is_slow() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_ADMIN_TOKEN", ROOT).start().await?;
    let mut client = Client::connect(gateway.admin).await?;
    let mut statuses = Vec::new();
    for number in 0..200 {
        let guess = format!("weir_guess_{number}");
        let answer = client.get("/services", &[("kong-admin-token", guess.as_str())]).await?;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
        }
        statuses.push(answer.status.as_u16());
    }
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().take(5).filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let by = [("kong-admin-token", ROOT)];
    gateway_tests::eventually("the right token works again", LONG, || async {
        call(&gateway, &by, Method::GET, "/", &Value::Null).await.is_ok_and(|answer| answer.status == 200)
    })
    .await?;
    let audit = call(&gateway, &by, Method::GET, "/audit/requests?size=1000", &Value::Null).await?.json();
    let rows = audit["data"].as_array().map(Vec::len).unwrap_or_default();
    assert!(rows < statuses.len(), "a flood of guesses does not fill the log: {rows}");
    assert!(audit["data"].as_array().into_iter().flatten().any(|row| row["status"] == 429), "{audit}");
    Ok(())
}

#[tokio::test]
async fn browsers_of_others_change_nothing() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let form = |headers: &[(&str, &str)]| request(Method::POST, "/services", headers, "name=x&host=x.test");
    for (case, headers, want) in [
        (
            "a form of another site",
            vec![
                ("host", "localhost:8001"),
                ("origin", "https://evil.example"),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            403,
        ),
        (
            "text of another site",
            vec![("host", "localhost"), ("origin", "null"), ("content-type", "text/plain")],
            403,
        ),
        ("a name that leads here", vec![("host", "evil.example:8001"), ("content-type", "text/plain")], 421),
        ("curl -d", vec![("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")], 201),
    ] {
        let answer = Client::connect(gateway.admin).await?.send(form(&headers)?).await?;
        assert_eq!(answer.status, want, "{case}: {}", answer.text());
    }
    let read = [("host", "rebound.example")];
    assert_eq!(call(&gateway, &read, Method::GET, "/services", &Value::Null).await?.status, 421);
    let foreign = [("host", "localhost"), ("origin", "https://evil.example")];
    let shown = call(&gateway, &foreign, Method::GET, "/services", &Value::Null).await?;
    assert_ne!(shown.header("access-control-allow-origin"), "https://evil.example");
    Ok(())
}
