//! Clients that are let in or refused for what they say they are.

use gateway_tests::{Client, Upstream, request};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, serve};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const BOT: &str = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)";

#[tokio::test(flavor = "multi_thread")]
async fn bots_are_refused_and_browsers_are_not() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    let config = json!({ "allow": ["^Googlebot/"], "deny": ["^curl/"] });
    assign(&gateway, "shop", &json!({ "name": "bot-detection", "config": config })).await?;
    let refused = || async {
        let answer = gateway.get("/shop", &[("user-agent", BOT)]).await;
        answer.is_ok_and(|answer| answer.status == 403)
    };
    gateway_tests::eventually("a bot is refused", PATIENCE, refused).await?;

    let before = upstream.seen().len();
    for (case, user_agent, status) in [
        ("a browser", BROWSER, 200),
        ("a bot that is allowed", "Googlebot/2.1", 200),
        ("a bot", BOT, 403),
        ("a tool that is denied", "curl/8.5.0", 403),
        ("no name", "", 200),
    ] {
        let answer = gateway.get("/shop", &[("user-agent", user_agent)]).await?;
        assert_eq!(answer.status.as_u16(), status, "{case}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.json()["message"], "Forbidden", "{case}");
            assert_eq!(answer.json()["request_id"], answer.header("x-kong-request-id"), "{case}");
        }
    }
    assert_eq!(gateway.get("/shop", &[]).await?.status, 200, "a client that does not say what it is");
    assert_eq!(upstream.seen().len(), before + 4, "the upstream sees no bot");

    let twice = [("user-agent", BROWSER), ("user-agent", BOT)];
    let sent = request(Method::GET, "/shop", &twice, "")?;
    let answer = Client::connect(gateway.proxy).await?.send(sent).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["message"].as_str()),
        (400, Some("Only one User-Agent header allowed"))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_and_scopes_are_checked() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    serve(&gateway, "shop", &upstream.url()).await?;
    let body = json!({ "name": "bot-detection", "config": { "deny": ["ok", "a("] } });
    let refused = gateway.admin(Method::POST, "/routes/shop/plugins", &body).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("not a valid regex: a("), "{}", refused.text());

    gateway.apply(Method::POST, "/consumers", &json!({ "username": "ann" })).await?;
    let body = json!({ "name": "bot-detection" });
    let refused = gateway.admin(Method::POST, "/consumers/ann/plugins", &body).await?;
    assert_eq!(refused.status, 400, "it runs before the consumer is known");
    Ok(())
}
