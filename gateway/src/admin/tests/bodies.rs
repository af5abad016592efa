//! Bodies of every sort, good and bad.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::{Admin, AdminSettings};

#[tokio::test]
async fn bad_bodies_get_a_clear_answer() {
    let admin = Admin::with(AdminSettings { max_body_bytes: 1000, ..AdminSettings::default() }).await;
    let many = "a=1&".repeat(240);
    for (case, kind, body, status, message) in [
        ("broken JSON", "application/json", "{\"host\":", 400, "Cannot parse JSON body"),
        ("not an object", "application/json", "[1]", 400, "Cannot parse JSON body"),
        ("a text", "application/json; charset=utf-8", "\"x\"", 400, "Cannot parse JSON body"),
        ("deep", "application/json", &format!("{{\"a\":{}", "[".repeat(900)), 400, "Cannot parse JSON body"),
        ("not UTF-8", "application/json", "{\"host\": \"\u{fffd}", 400, "Cannot parse JSON body"),
        ("unknown type", "text/plain", "host=a", 415, "Unsupported media type"),
        ("too large", "application/json", &"x".repeat(1001), 413, "the body is larger than 1000 bytes"),
        (
            "a form of one field",
            "application/x-www-form-urlencoded",
            &many,
            400,
            "2 schema violations (a: unknown field; host: required field missing)",
        ),
        (
            "multipart without boundary",
            "multipart/form-data",
            "x",
            400,
            "Cannot parse multipart body: multipart boundary not found in Content-Type",
        ),
    ] {
        let reply = admin.typed("POST", "/services", kind, body.to_owned()).await;
        assert_eq!(
            (reply.status, reply.body["message"].as_str()),
            (status, Some(message)),
            "{case}: {}",
            reply.body
        );
    }
    let untyped = Request::post("/services").body(Body::from("{}")).unwrap();
    assert_eq!(admin.send(untyped).await.status, 415, "a body without a type");
    assert_eq!(admin.call("POST", "/services").await.status, 400, "no body is an empty object");
}

/// A byte now and then, however often it is asked.
struct Trickle(tokio::time::Interval);

impl http_body::Body for Trickle {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(http_body::Frame::data(Bytes::from_static(b"x")))))
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_has_its_time_in_all() {
    let trickle = Body::new(Trickle(tokio::time::interval(Duration::from_millis(10))));
    let begun = std::time::Instant::now();
    let patience = Duration::from_millis(300);
    let refused = crate::admin::body::collect(trickle, 32 << 20, patience).await.unwrap_err();
    assert!(begun.elapsed() >= patience && begun.elapsed() < 10 * patience, "{:?}", begun.elapsed());
    assert!(format!("{refused:?}").contains("408"), "{refused:?}");
}

#[tokio::test]
async fn too_many_arguments_are_refused() {
    let admin = Admin::new().await;
    let query = "a=1&".repeat(1001);
    assert_eq!(admin.get(&format!("/services?{query}")).await.body, json!({"message": "Too many arguments"}));
    let form = admin.typed("POST", "/services", "application/x-www-form-urlencoded", query).await;
    assert_eq!((form.status, form.body), (400, json!({"message": "Too many arguments"})));
}

#[tokio::test]
async fn forms_are_typed_by_the_rules() {
    let admin = Admin::new().await;
    let form = "host=a.test&port=81&enabled=false&tags[]=x&tags[]=y&path=&name=f";
    let made = admin.typed("POST", "/services", "application/x-www-form-urlencoded", form).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(
        (&made.body["port"], &made.body["enabled"], &made.body["tags"], &made.body["path"]),
        (&json!(81), &json!(false), &json!(["x", "y"]), &json!(null))
    );
    let route = "paths=/a&methods=GET&headers[x-y][]=1&service.name=f";
    let made = admin.typed("POST", "/routes", "application/x-www-form-urlencoded", route).await;
    assert_eq!(
        (&made.body["paths"], &made.body["methods"], &made.body["headers"]),
        (&json!(["/a"]), &json!(["GET"]), &json!({"x-y": ["1"]})),
        "{}",
        made.body
    );
    let parts = "--b\r\nContent-Disposition: form-data; name=\"host\"\r\n\r\nm.test\r\n--b\r\nContent-Disposition: form-data; \
                 name=\"tags\"\r\nContent-Type: application/json\r\n\r\n[\"j\"]\r\n--b--\r\n";
    let made = admin.typed("POST", "/services", "multipart/form-data; boundary=b", parts).await;
    assert_eq!(
        (made.status, &made.body["host"], &made.body["tags"]),
        (201, &json!("m.test"), &json!(["j"])),
        "{}",
        made.body
    );
    let url = admin
        .typed("POST", "/services", "application/x-www-form-urlencoded", "url=http%3A%2F%2Fa.test%2Fx")
        .await;
    assert_eq!(url.body["path"], "/x");
    let form = "name=u&slots=20&healthchecks.active.timeout=2.5&healthchecks.active.headers[x-a][]=1\
                &healthchecks.active.healthy.http_statuses[]=200&healthchecks.active.healthy.http_statuses[]=204";
    let made = admin.typed("POST", "/upstreams", "application/x-www-form-urlencoded", form).await;
    let active = &made.body["healthchecks"]["active"];
    assert_eq!(
        (&active["timeout"], &active["healthy"]["http_statuses"], &active["headers"], &made.body["slots"]),
        (&json!(2.5), &json!([200, 204]), &json!({"x-a": ["1"]}), &json!(20)),
        "{}",
        made.body
    );
    admin.make("/consumers", json!({"username": "bob"})).await;
    let key =
        admin.typed("POST", "/consumers/bob/key-auth", "application/x-www-form-urlencoded", "ttl=9").await;
    assert_eq!(key.body["ttl"], 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is sent where, there is an answer, and it is never that something broke.
    #[test]
    fn no_body_breaks_anything(
        body in proptest::collection::vec(any::<u8>(), 0..120),
        text in "[a-z\\[\\]{}\":,.=&%0-9-]{0,80}",
        path in 0_usize..16,
        method in 0_usize..4,
        kind in 0_usize..4,
    ) {
        let paths = ["/services", "/routes/a", "/plugins", "/consumers/x/key-auth", "/custom-plugins", "/schemas/routes/validate",
                     "/schemas/plugins/validate", "/custom-plugins/x", "/routes/x/service", "/upstreams", "/certificates", "/keys", "/vaults/x",
                     "/consumer_groups", "/upstreams/x/targets", "/consumers/x/acls/y"];
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "application/wasm"];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let admin = Admin::new().await;
            for body in [body, text.clone().into_bytes(), format!("{{\"name\":{text:?},\"paths\":[{text:?}],\"config\":{text:?}}}").into_bytes()] {
                let reply = admin.typed(["POST", "PUT", "PATCH", "DELETE"][method], paths[path], kinds[kind], body).await;
                prop_assert!(reply.status < 500, "{}", reply.body);
            }
            Ok(())
        })?;
    }
}
