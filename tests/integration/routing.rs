//! Kong's rules of routing through a real gateway: what the router finds, and what is said when a request
//! speaks another protocol than its route.

use bytes::Bytes;
use gateway_tests::{Answer, Gateway, Upstream, eventually};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, gateway};

async fn upstream() -> anyhow::Result<Upstream> {
    Upstream::start(|seen| Response::new(Full::new(Bytes::from(seen.target.clone())))).await
}

/// A service of this name and a route with these fields.
async fn put(gateway: &Gateway, name: &str, url: &str, fields: Value) -> anyhow::Result<()> {
    gateway.apply(Method::PUT, &format!("/services/{name}"), &json!({ "url": url })).await?;
    let mut route = json!({ "service": { "name": name } });
    for (field, value) in fields.as_object().into_iter().flatten() {
        route[field] = value.clone();
    }
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    Ok(())
}

async fn live(gateway: &Gateway, path: &str) -> anyhow::Result<Answer> {
    gateway.wait_for("the route is live", PATIENCE, path, |answer| answer.status != 404).await?;
    gateway.get(path, &[]).await
}

#[tokio::test]
async fn a_request_in_the_wrong_protocol_is_told_so_in_kongs_words() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().set("WEIR_TRUSTED_IPS", "127.0.0.1").start().await?;
    let url = upstream.url();
    put(&gateway, "tls", &url, json!({"paths": ["/tls"], "protocols": ["https"]})).await?;
    for status in [301, 302, 307, 308] {
        let fields = json!({"paths": [format!("/to-{status}")], "protocols": ["https"], "https_redirect_status_code": status});
        put(&gateway, &format!("to-{status}"), &url, fields).await?;
    }
    put(
        &gateway,
        "grpc",
        &url,
        json!({"paths": ["/grpc"], "protocols": ["grpc", "grpcs"], "strip_path": false}),
    )
    .await?;
    live(&gateway, "/grpc").await?;

    let answer = gateway.get("/tls/x?y=1", &[]).await?;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.json()["message"], "Please use HTTPS protocol");
    assert_eq!((answer.header("upgrade"), answer.header("connection")), ("TLS/1.2, HTTP/1.1", "Upgrade"));
    for status in [301_u16, 302, 307, 308] {
        let answer =
            gateway.get(&format!("/to-{status}//evil.test/%09?y=1"), &[("host", "A.com:8000")]).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, ""), "no body");
        assert_eq!(answer.header("location"), format!("https://a.com/to-{status}//evil.test/%09?y=1"));
    }
    let forwarded = [("x-forwarded-proto", "https")];
    assert_eq!(gateway.get("/tls/x", &forwarded).await?.status, 200, "a trusted peer took the TLS off");
    let forwarded = [("x-forwarded-host", "Edge.test")];
    assert_eq!(gateway.get("/to-301/x", &forwarded).await?.header("location"), "https://edge.test/to-301/x");

    let answer = gateway.get("/grpc/x", &[("content-type", "text/plain")]).await?;
    assert_eq!(answer.status, 415);
    assert_eq!(answer.json()["message"], "Non-gRPC request matched gRPC route");
    let answer = gateway.get("/grpc/x", &[("content-type", "application/grpc+proto")]).await?;
    assert_eq!(answer.header("grpc-message"), "Please use HTTP2 protocol");
    assert_eq!(answer.header("upgrade"), "HTTP/2");
    Ok(())
}

#[tokio::test]
async fn the_best_route_takes_the_request() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().start().await?;
    let port = gateway.proxy.port();
    for (name, fields) in [
        ("short", json!({"paths": ["/a"]})),
        ("long", json!({"paths": ["/a/b"]})),
        ("regex", json!({"paths": ["~/a/b/\\d+"]})),
        ("regex-first", json!({"paths": ["~/a/b/9"], "regex_priority": 1})),
        ("method", json!({"paths": ["/a"], "methods": ["PUT"]})),
        ("wildcard", json!({"paths": ["/a"], "hosts": ["*.a.com"]})),
        ("host", json!({"paths": ["/a"], "hosts": ["x.a.com"]})),
        ("right", json!({"paths": ["/a"], "hosts": ["b.*"]})),
        ("listener", json!({"paths": ["/a"], "hosts": [format!("p.com:{port}")]})),
        ("port", json!({"paths": ["/a"], "hosts": ["p.com:9"]})),
        ("header", json!({"paths": ["/a"], "headers": {"x-v": ["~*^v\\d$", "Next"]}})),
    ] {
        put(&gateway, name, &format!("{}/{name}", upstream.url()), fields).await?;
    }
    let header = [("x-v", "1"), ("x-v", "V2")];
    let next = [("x-v", "next")];
    // The last one: the others were live before it.
    let ready =
        || async { gateway.get("/a/x", &next).await.is_ok_and(|answer| answer.text() == "/header/x") };
    eventually("the routes are live", PATIENCE, ready).await?;
    for (case, path, headers, want) in [
        ("the longer prefix", "/a/b", &[][..], "/long"),
        ("a prefix ends anywhere", "/ab", &[], "/short/b"),
        ("a regex before prefixes", "/a/b/1", &[], "/regex"),
        ("the higher regex_priority", "/a/b/9", &[], "/regex-first"),
        ("a wildcard host", "/a/x", &[("host", "y.a.com")], "/wildcard/x"),
        ("the whole host before it", "/a/x", &[("host", "x.a.com")], "/host/x"),
        ("a wildcard at the right", "/a/x", &[("host", "b.org")], "/right/x"),
        ("the listener's port", "/a/x", &[("host", "p.com")], "/listener/x"),
        ("the port of the Host", "/a/x", &[("host", "p.com:9")], "/port/x"),
        ("another port", "/a/x", &[("host", "p.com:8")], "/short/x"),
        ("a later value by regex", "/a/x", &header, "/header/x"),
        ("a value but for case", "/a/x", &next, "/header/x"),
        ("an escaped path", "/%61/x", &[], "/short/x"),
    ] {
        assert_eq!(gateway.get(path, headers).await?.text(), want, "{case}");
    }
    let answer = gateway.admin(Method::GET, "/route-test?method=PUT&path=/a/b", &Value::Null).await?.json();
    assert_eq!(answer["route"]["name"], "method", "more attributes: {answer}");
    Ok(())
}

#[tokio::test]
async fn the_route_tester_says_what_would_happen_and_why() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().start().await?;
    let url = format!("{}/base", upstream.url());
    put(&gateway, "users", &url, json!({"paths": ["~/users/(?<id>\\d+)"]})).await?;
    put(&gateway, "all", &url, json!({"paths": ["/"]})).await?;
    put(&gateway, "put", &url, json!({"paths": ["/users"], "methods": ["PUT"], "hosts": ["a.com"]})).await?;
    live(&gateway, "/users/1").await?;
    let ask = async |query: &str| {
        let answer = gateway.admin(Method::GET, &format!("/route-test?{query}"), &Value::Null).await?;
        anyhow::Ok(answer.json())
    };
    let all = || async {
        ask("path=/").await.is_ok_and(|told| told["others"].as_array().is_some_and(|list| list.len() == 2))
    };
    eventually("all routes are live", PATIENCE, all).await?;
    let told = ask("url=http://b.com/users/12/x%3Fy=1").await?;
    assert_eq!(told["route"]["name"], "users", "{told}");
    assert_eq!(told["service"]["name"], "users");
    assert_eq!(told["captures"], json!({"id": "12", "1": "12"}));
    assert_eq!((&told["matched_path"], &told["upstream_path"]), (&json!("/users/12"), &json!("/base/x")));
    assert_eq!(told["answer"], Value::Null);
    assert_eq!(told["others"][0]["route"]["name"], "all");
    assert_eq!(told["others"][0]["matches"], true);
    assert!(told["others"][0]["priority"].as_u64() < told["priority"].as_u64(), "{told}");
    assert_eq!(told["others"][1]["misses"], json!(["methods", "hosts"]));
    let sent = gateway.get("/users/12/x?y=1", &[]).await?;
    assert_eq!(sent.text(), "/base/x?y=1", "as the tester said");
    let told = ask("path=/..%252fx").await?;
    assert_eq!(told["answer"]["status"], 400, "{told}");
    gateway.apply(Method::DELETE, "/routes/all", &Value::Null).await.ok();
    gateway.wait_for("the route is gone", PATIENCE, "/other", |answer| answer.status == 404).await?;
    let none = ask("path=/other").await?;
    assert_eq!((&none["matched"], &none["answer"]["status"]), (&json!(false), &json!(404)));
    Ok(())
}

#[tokio::test]
async fn routes_may_be_expressions_in_that_flavour() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    let gateway = gateway().set("KONG_ROUTER_FLAVOR", "expressions").start().await?;
    let url = |name: &str| format!("{}/{name}", upstream.url());
    let by = |expression: &str, priority: u64| json!({"expression": expression, "priority": priority});
    put(&gateway, "plain", &url("plain"), json!({"paths": ["/a"]})).await?;
    put(&gateway, "low", &url("low"), by(r#"http.path ^= "/a" && http.queries.v == "1""#, 1)).await?;
    put(
        &gateway,
        "high",
        &url("high"),
        by(r#"http.path ~ "^/a/(?<id>\\d+)" && any(http.headers.x_v) == "2""#, 2),
    )
    .await?;
    put(
        &gateway,
        "here",
        &url("here"),
        by("net.dst.ip == 127.0.0.1 && net.src.ip in 127.0.0.0/8 && http.path == \"/here\"", 0),
    )
    .await?;
    live(&gateway, "/here").await?;
    let two = [("x-v", "1"), ("x-v", "2")];
    for (case, path, headers, want) in [
        ("no expression holds", "/a/7", &[][..], "/plain/7"),
        ("an expression before attributes", "/a/7?v=1", &[], "/low/7?v=1"),
        ("the higher priority", "/a/7/x?v=1", &two, "/high/x?v=1"),
        ("addresses", "/here", &[], "/here"),
    ] {
        assert_eq!(gateway.get(path, headers).await?.text(), want, "{case}");
    }
    let refused = gateway.admin(Method::POST, "/routes", &json!({"expression": "http.path == 1"})).await?;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["fields"]["@entity"],
        json!([
            "Router Expression failed validation: Type mismatch between the LHS and RHS values of predicate"
        ])
    );
    let none = gateway.admin(Method::POST, "/routes", &json!({"protocols": ["http"]})).await?;
    assert_eq!(
        none.json()["fields"]["@entity"][0],
        "must set one of 'methods', 'hosts', 'headers', 'paths', 'expression' when 'protocols' is 'http'"
    );
    let schema = gateway.admin(Method::GET, "/schemas/routes", &Value::Null).await?.json();
    let has = |name: &str| {
        schema["fields"].as_array().is_some_and(|fields| fields.iter().any(|field| !field[name].is_null()))
    };
    assert!(has("expression") && has("priority"), "{schema}");
    let root = gateway.admin(Method::GET, "/", &Value::Null).await?.json();
    assert_eq!(root["configuration"]["router_flavor"], "expressions");
    Ok(())
}

#[tokio::test]
async fn the_older_path_handling_has_its_effect_in_the_flavour_traditional() -> anyhow::Result<()> {
    let upstream = upstream().await?;
    for (flavor, want) in [("traditional", "/apibar"), ("traditional_compatible", "/api/bar")] {
        let gateway = gateway().set("WEIR_ROUTER_FLAVOR", flavor).start().await?;
        let fields = json!({"paths": ["/foo"], "path_handling": "v1"});
        put(&gateway, "v1", &format!("{}/api", upstream.url()), fields).await?;
        assert_eq!(live(&gateway, "/foobar").await?.text(), want, "{flavor}");
    }
    Ok(())
}
