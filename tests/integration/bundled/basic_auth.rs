//! Kong's `basic-auth` through the real process.

use gateway_tests::{Gateway, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// `ann` and `s3cret:1`.
const ANN: &str = "Basic YW5uOnMzY3JldDox";
/// `ann` and `wrong`.
const WRONG: &str = "Basic YW5uOndyb25n";

/// A route that asks for a username, with one consumer who has one.
async fn site(gateway: &Gateway, upstream: &Upstream, config: Value) -> anyhow::Result<()> {
    serve(gateway, "shop", &upstream.url()).await?;
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "ann-the-first" })).await?;
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "guest" })).await?;
    let login = json!({ "username": "ann", "password": "s3cret:1" });
    let made = gateway.apply(Method::POST, "/consumers/ann-the-first/basic-auth", &login).await?;
    assert_ne!(made["password"], login["password"], "only its hash is kept");
    assign(gateway, "shop", &json!({ "name": "basic-auth", "config": config })).await?;
    Ok(())
}

#[tokio::test]
async fn a_username_and_its_password_let_a_consumer_in() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, json!({ "hide_credentials": true })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/shop", |answer| answer.status == 401).await?;
    let refused: [(&str, &[(&str, &str)]); 6] = [
        ("nothing", &[]),
        ("a wrong password", &[("authorization", WRONG)]),
        ("nobody", &[("authorization", "Basic ZXZlOnMzY3JldDox")]),
        ("not base64", &[("authorization", "Basic ann:s3cret")]),
        ("a NUL in the name", &[("authorization", "Basic YW5uAHg6cw==")]),
        ("twice", &[("authorization", ANN), ("authorization", ANN)]),
    ];
    for (case, headers) in refused {
        let answer = gateway.get("/shop", headers).await?;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["message"]),
            (401, &json!("Unauthorized")),
            "{case}"
        );
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"service\"", "{case}");
    }
    for name in ["authorization", "proxy-authorization"] {
        let answer = gateway.get("/shop", &[(name, ANN), ("x-credential-identifier", "forged")]).await?;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = upstream.seen().pop().expect("one request");
        let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("x-consumer-username"), Some("ann-the-first"), "{name}");
        assert_eq!(header("x-credential-identifier"), Some("ann"), "{name}");
        assert_eq!(header(name), None, "{name} is hidden");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_fails_is_the_anonymous_consumer_and_passwords_change_at_once() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, json!({ "anonymous": "guest" })).await?;
    let becomes = async |authorization: &str, username: &str| {
        let is_so = || async {
            let answer = gateway.get("/shop", &[("authorization", authorization)]).await;
            let named =
                upstream.seen().pop().and_then(|seen| seen.headers.get("x-consumer-username").cloned());
            answer.is_ok_and(|answer| answer.status == 200) && named.is_some_and(|name| name == username)
        };
        eventually(&format!("the caller is {username}"), PATIENCE, is_so).await
    };
    becomes(ANN, "ann-the-first").await?;
    becomes(WRONG, "guest").await?;
    let seen = upstream.seen().pop().expect("one request");
    assert_eq!(seen.headers.get("x-anonymous-consumer").and_then(|value| value.to_str().ok()), Some("true"));
    assert_eq!(
        seen.headers.get("authorization").and_then(|value| value.to_str().ok()),
        Some(WRONG),
        "not hidden"
    );
    let path = "/consumers/ann-the-first/basic-auth/ann";
    gateway.apply(Method::PATCH, path, &json!({ "password": "wrong" })).await?;
    becomes(WRONG, "ann-the-first").await?;
    becomes(ANN, "guest").await?;
    Ok(())
}
