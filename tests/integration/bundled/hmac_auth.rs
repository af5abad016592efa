//! Kong's `hmac-auth` through the real process.

use gateway_tests::{Answer, Client, Gateway, Upstream, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, serve};

/// All signatures below are of this date, made with the secret `s3cret`.
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
/// A skew that such a date will pass for a while.
const CENTURY: u64 = 3_153_600_000;
const BODY: &str = r#"{"a":1}"#;
const DIGEST: &str = "SHA-256=AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=";

/// A route that asks for signatures, with one consumer who can sign.
async fn site(gateway: &Gateway, upstream: &Upstream, config: Value) -> anyhow::Result<()> {
    serve(gateway, "shop", &upstream.url()).await?;
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "ann-the-first" })).await?;
    let signer = json!({ "username": "ann", "secret": "s3cret" });
    gateway.apply(Method::POST, "/consumers/ann-the-first/hmac-auth", &signer).await?;
    assign(gateway, "shop", &json!({ "name": "hmac-auth", "config": config })).await?;
    gateway.wait_for("the plugin is live", PATIENCE, "/shop", |answer| answer.status == 401).await?;
    Ok(())
}

fn signature(names: &str, value: &str) -> String {
    format!(r#"hmac username="ann", algorithm="hmac-sha256", headers="{names}", signature="{value}""#)
}

fn told(answer: &Answer) -> (u16, Value) {
    (answer.status.as_u16(), answer.json()["message"].clone())
}

#[tokio::test]
async fn a_signature_over_date_and_request_line_lets_a_consumer_in() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    let config = json!({
        "clock_skew": CENTURY, "enforce_headers": ["date", "request-line"], "algorithms": ["hmac-sha256"],
        "hide_credentials": true,
    });
    site(&gateway, &upstream, config).await?;
    let whole = signature("date request-line", "6Z6tnbK8tTixlmoqskmHzIqE2wKcT1bqBTL3rp0sN6A=");
    let headers = [("date", DATE), ("authorization", whole.as_str()), ("x-credential-identifier", "forged")];
    let answer = gateway.get("/shop?x=1", &headers).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = upstream.seen().pop().expect("one request");
    let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-consumer-username"), Some("ann-the-first"));
    assert_eq!(header("x-credential-identifier"), Some("ann"));
    assert_eq!(header("authorization"), None, "it is hidden");

    let answer = gateway.get("/shop?x=2", &headers).await?;
    assert_eq!(told(&answer), (401, json!("HMAC signature does not match")), "another query");
    let answer = gateway.get("/shop?x=1", &[("date", "Tue, 14 Nov 1923 22:13:20 GMT"), headers[1]]).await?;
    let message = "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC \
                   Authentication";
    assert_eq!(told(&answer), (401, json!(message)));
    let unsigned = whole.replace("date request-line", "date");
    let answer = gateway.get("/shop?x=1", &[("date", DATE), ("authorization", &unsigned)]).await?;
    assert_eq!(
        told(&answer),
        (401, json!("HMAC signature cannot be verified")),
        "an enforced header is missing"
    );
    assert_eq!(answer.header("www-authenticate"), "hmac");
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_never_reaches_the_upstream() -> anyhow::Result<()> {
    let (gateway, upstream) = (gateway().start().await?, Upstream::saying("ok").await?);
    site(&gateway, &upstream, json!({ "clock_skew": CENTURY, "validate_request_body": true })).await?;
    let before = upstream.seen().len();
    let whole = signature("date request-line digest", "ioGe+vu9RAzn6TnArmsMIWhH1Z1Vh1fDELDqM9PcEsM=");
    let mut client = Client::connect(gateway.proxy).await?;
    let headers = [("date", DATE), ("digest", DIGEST), ("authorization", whole.as_str())];
    let answer = client.send(request(Method::POST, "/shop", &headers, r#"{"a":2}"#)?).await?;
    assert_eq!(told(&answer), (401, json!("HMAC signature does not match")));
    assert_eq!(upstream.seen().len(), before);
    let answer = client.send(request(Method::POST, "/shop", &headers, BODY)?).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = upstream.seen().pop().expect("one request");
    assert_eq!((seen.method, &seen.body[..]), (Method::POST, BODY.as_bytes()));

    let dated = signature("date", "dj4QBkuqdf0SvjgHVZqQCLg1EKY=").replace("hmac-sha256", "hmac-sha1");
    let headers = [("date", DATE), ("authorization", dated.as_str())];
    let answer = client.send(request(Method::POST, "/shop", &headers, BODY)?).await?;
    assert_eq!(told(&answer), (401, json!("HMAC signature does not match")), "a body needs a digest");
    let answer = client.get("/shop", &headers).await?;
    assert_eq!(answer.status, 200, "without a body there is nothing to sign: {}", answer.text());
    Ok(())
}
