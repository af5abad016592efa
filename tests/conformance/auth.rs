//! token-auth: who gets in, in whose name, and what the others are told.

use gateway_tests::{Client, request};
use http::Method;
use serde_json::json;

use crate::language::{Site, text};

pub(crate) async fn token_auth(site: &Site) -> anyhow::Result<()> {
    let alice = site.gateway.apply(Method::PUT, "/consumers/alice", &json!({ "custom_id": "a-1" })).await?;
    let config = json!({ "tokens": { "good": "alice", "lost": "nobody" } });
    site.live(("auth", "token-auth"), config, |answer| answer.status == 401).await?;
    let path = "/auth/x";
    for (case, tokens, status, message) in [
        ("none", vec![], 401, "No token found in request"),
        ("unknown", vec![&b"bad"[..]], 401, "Invalid token"),
        ("empty", vec![b""], 401, "Invalid token"),
        ("twice", vec![b"good", b"good"], 401, "Invalid token"),
        ("not UTF-8", vec![b"\xff\xfe"], 401, "Invalid token"),
        ("of a consumer that is not there", vec![b"lost"], 403, "Unknown consumer"),
    ] {
        let mut sent = request(Method::GET, path, &[("x-case", case)], "")?;
        for token in tokens {
            sent.headers_mut().append("x-token", http::HeaderValue::from_bytes(token)?);
        }
        let answer = Client::connect(site.gateway.proxy).await?.send(sent).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        assert_eq!(answer.json()["message"], message, "{case}: {}", answer.text());
        let challenge = if status == 401 { "Token" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge, "{case}");
        assert!(site.seen(case).is_none(), "{case}: nothing went to the upstream");
    }
    let answer = site.gateway.get(path, &[("x-case", "good"), ("x-token", "good")]).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "upstream"));
    let seen = site.seen("good").expect("the request");
    for (name, want) in [
        ("x-token", ""),
        ("x-consumer-id", alice["id"].as_str().unwrap_or_default()),
        ("x-consumer-username", "alice"),
        ("x-consumer-custom-id", "a-1"),
        ("x-credential-identifier", ""),
    ] {
        assert_eq!(text(&seen, name), want, "{name}");
    }
    other_header(site).await
}

async fn other_header(site: &Site) -> anyhow::Result<()> {
    let config = json!({ "header": "authorization", "tokens": { "t": "alice" } });
    site.live(("other-header", "token-auth"), config, |answer| answer.status == 401).await?;
    let sent = [("x-case", "other"), ("authorization", "t"), ("x-token", "kept")];
    let answer = site.gateway.get("/other-header", &sent).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = site.seen("other").expect("the request");
    assert_eq!((text(&seen, "authorization"), text(&seen, "x-token")), (String::new(), "kept".to_owned()));
    for config in [json!({}), json!({ "tokens": {}, "more": 1 }), json!({ "tokens": { "t": 1 } })] {
        let answer = site.assign("wrong-config", "token-auth", config.clone()).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
    }
    Ok(())
}
