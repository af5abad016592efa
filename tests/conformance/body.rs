//! json-field and chunk-count: bodies that are held with their head, and bodies that stream past.

use gateway_tests::{Answer, Client, request};
use http::Method;
use serde_json::json;

use crate::language::{Site, text};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends a body to the route for `/case`, with `x-case`.
async fn post(
    site: &Site,
    (case, at): (&str, &str),
    headers: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> anyhow::Result<Answer> {
    let headers = [&[("x-case", case)], headers].concat();
    let sent = request(Method::POST, &format!("/{at}"), &headers, body)?;
    Client::connect(site.gateway.proxy).await?.send(sent).await
}

pub(crate) async fn json_field(site: &Site) -> anyhow::Result<()> {
    let config = json!({ "pointer": "/user/id", "header": "x-user", "remove": "secret", "max_bytes": 200 });
    site.assign_live("json", "json-field", config, async || {
        Ok(post(site, ("live", "json"), &[JSON], "{").await?.status == 400)
    })
    .await?;
    for (case, sent, user, seen_body) in [
        ("text", r#"{"user": {"id": "ü7"}, "secret": 1}"#, "ü7", r#"{"user":{"id":"ü7"}}"#),
        ("number", r#"{"user": {"id": 15}}"#, "15", r#"{"user": {"id": 15}}"#),
        ("nothing", "{}", "", "{}"),
        ("no object", "[1]", "", "[1]"),
        ("null", "null", "", "null"),
    ] {
        let answer = post(site, (case, "json"), &[JSON], sent).await?;
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        let seen = site.seen(case).expect(case);
        assert_eq!((text(&seen, "x-user").as_str(), &*seen.body), (user, seen_body.as_bytes()), "{case}");
        assert_eq!(text(&seen, "content-length"), seen_body.len().to_string(), "{case}: framed anew");
    }
    for (case, headers, sent, status) in [
        ("not JSON", &[JSON][..], "{x}", 400),
        ("too long", &[JSON], &"x".repeat(300), 413),
        ("another type", &[("content-type", "text/plain")], "{x}", 200),
        ("compressed", &[JSON, ("content-encoding", "gzip")], "zip", 200),
    ] {
        let answer = post(site, (case, "json"), headers, sent.to_owned()).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        let body = site.seen(case).map(|seen| seen.body);
        assert_eq!(body.as_deref(), Some(sent.as_bytes()).filter(|_| status == 200), "{case}");
    }
    let refused = post(site, ("not JSON", "json"), &[JSON], "{x}").await?;
    assert_eq!(refused.json()["message"], "The body is not valid JSON", "{}", refused.text());
    response_field(site).await
}

async fn response_field(site: &Site) -> anyhow::Result<()> {
    let config = json!({ "message": "response", "pointer": "/n", "header": "x-n", "remove": "secret" });
    site.assign_live("json-response", "json-field", config, async || {
        let answer = post(site, ("live", "json-response"), &[JSON], r#"{"n": 5, "secret": true}"#).await?;
        Ok(answer.header("x-n") == "5" && answer.text() == r#"{"n":5}"#)
    })
    .await?;
    let broken = post(site, ("live", "json-response"), &[JSON], "{x}").await?;
    assert_eq!(broken.status, 500, "a failure that the plugin saw coming, policy closed: {}", broken.text());
    let answer = site.gateway.get("/json-response", &[]).await?;
    assert_eq!((answer.text().as_str(), answer.header("x-n")), ("upstream", ""), "no JSON, not looked into");
    Ok(())
}

pub(crate) async fn chunk_count(site: &Site) -> anyhow::Result<()> {
    let config = json!({ "summary": true, "max_bytes": 1_000_000 });
    site.assign_live("count", "chunk-count", config, async || {
        Ok(post(site, ("live", "count"), &[], "hi").await?.text() == "hi\n2 bytes\n")
    })
    .await?;
    // Several chunks, whatever the gateway reads at once.
    let large = vec![b'x'; 300_000];
    let answer = post(site, ("large", "count"), &[], large.clone()).await?;
    assert_eq!(answer.body.len(), large.len() + "\n300000 bytes\n".len(), "{}", answer.status);
    assert!(answer.body.starts_with(&large) && answer.body.ends_with(b"\n300000 bytes\n"));
    assert_eq!(site.seen("large").expect("the request").body, large, "nothing is lost on the way there");
    let too_long = post(site, ("long", "count"), &[], vec![b'x'; 1_100_000]).await?;
    assert_eq!(too_long.status, 400, "broken off before there was a response");
    let again = post(site, ("again", "count"), &[], "hi").await?;
    assert_eq!(again.text(), "hi\n2 bytes\n", "a new body is counted from 0");

    let config = json!({ "only_bytes": 1, "max_bytes": 100_000 });
    site.assign_live("only", "chunk-count", config, async || {
        Ok(post(site, ("live", "only"), &[], "hi").await?.text() == "hi")
    })
    .await?;
    let passed = post(site, ("passed", "only"), &[], large.clone()).await?;
    assert_eq!(passed.body, large, "what follows the first chunk is not counted any more");
    Ok(())
}
