//! `cors`: the answers to browsers' questions, and what responses of all kinds say.

use bytes::Bytes;
use gateway_tests::{Answer, Client, Gateway, Upstream, eventually, request};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

const HERE: &str = "https://shop.test";

async fn ask(gateway: &Gateway, path: &str, origin: &str) -> anyhow::Result<Answer> {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a,x-b"),
    ];
    Client::connect(gateway.proxy).await?.send(request(Method::OPTIONS, path, &headers, Bytes::new())?).await
}

#[tokio::test]
async fn browsers_are_answered_and_responses_name_their_readers() -> anyhow::Result<()> {
    let upstream = Upstream::start(|_| {
        let response =
            Response::builder().header("vary", "Accept").header("access-control-allow-origin", "*");
        response.body(Full::new(Bytes::from_static(b"ok"))).expect("valid")
    })
    .await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "shop", &upstream.url()).await?;
    let config = json!({
        "origins": [HERE, r"https://.*\.partner\.test"], "credentials": true, "max_age": 60, "methods": ["GET", "PUT"],
        "exposed_headers": ["x-total"]
    });
    let made = assign(&gateway, "shop", &json!({ "name": "cors", "config": config })).await?;
    let live = || async {
        ask(&gateway, "/shop", HERE).await.is_ok_and(|a| a.header("access-control-max-age") == "60")
    };
    eventually("the plugin is live", PATIENCE, live).await?;

    let before = upstream.seen().len();
    let answer = ask(&gateway, "/shop", "https://shop.test:443").await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""));
    for (name, value) in [
        ("access-control-allow-origin", HERE),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", ""),
        ("content-length", "0"),
        ("vary", "Origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(upstream.seen().len(), before, "the upstream is not asked");

    for (origin, allowed) in [
        (HERE, HERE),
        ("https://a.partner.test", "https://a.partner.test"),
        ("https://a.partner.test.evil.test", ""),
        ("http://shop.test", ""),
    ] {
        let answer = gateway.get("/shop", &[("origin", origin)]).await?;
        assert_eq!(answer.text(), "ok", "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("access-control-expose-headers"), "x-total", "{origin}");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["Accept", "Origin"], "{origin}");
    }

    let id = made["id"].as_str().unwrap_or_default();
    let change = json!({ "config": { "preflight_continue": true } });
    gateway.apply(Method::PATCH, &format!("/plugins/{id}"), &change).await?;
    let passed = || async { ask(&gateway, "/shop", HERE).await.is_ok_and(|answer| answer.text() == "ok") };
    eventually("the upstream is asked", PATIENCE, passed).await?;
    assert_eq!(upstream.seen().last().expect("a request").method, Method::OPTIONS);
    let answer = ask(&gateway, "/shop", HERE).await?;
    assert_eq!(answer.header("access-control-allow-origin"), "*", "as the upstream said");
    Ok(())
}

#[tokio::test]
async fn answers_of_others_can_be_read_too() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "shop", &upstream.url()).await?;
    assign(&gateway, "shop", &json!({ "name": "key-auth" })).await?;
    gateway.apply(Method::POST, "/plugins", &json!({ "name": "cors" })).await?;
    let headers = [("origin", HERE)];
    let readable = |answer: &Answer| answer.header("access-control-allow-origin") == "*";
    let live = || async {
        gateway.get("/shop", &headers).await.is_ok_and(|answer| answer.status == 401 && readable(&answer))
    };
    eventually("both plugins are live", PATIENCE, live).await?;
    let answer = gateway.get("/nowhere", &headers).await?;
    assert_eq!((answer.status.as_u16(), readable(&answer)), (404, true), "no route, but a global plugin");
    let refused = json!({ "name": "cors", "config": { "origins": ["invalid_**regex"] } });
    let answer = gateway.admin(Method::POST, "/routes/shop/plugins", &refused).await?;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("'invalid_**regex' is not a valid regex"), "{}", answer.text());
    Ok(())
}
