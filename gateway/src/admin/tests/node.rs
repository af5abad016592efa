//! What the node says of itself, and the headers around every answer.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Admin, AdminSettings};
use crate::config::AccessSettings;

#[tokio::test]
async fn the_root_tells_what_clients_gate_on() {
    let admin = Admin::new().await;
    admin.make("/plugins", json!({"name": "key-auth"})).await;
    let root = admin.get("/").await.body;
    assert_eq!((&root["version"], &root["tagline"]), (&json!("3.9.3"), &json!("Welcome to kong")));
    assert_eq!(root["weir"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        root["plugins"]["available_on_server"]["key-auth"],
        json!({"version": "1.0.0", "priority": 1000})
    );
    assert_eq!(root["plugins"]["enabled_in_cluster"], json!(["key-auth"]));
    let status = admin.get("/status").await.body;
    assert_eq!(
        (&status["database"], &status["weir"]["live_revision"]),
        (&json!({"reachable": true}), &json!(7))
    );
    assert_eq!(
        admin.get("/plugins/enabled").await.body,
        json!({"enabled_plugins": ["key-auth", "rate-limiting"]})
    );
    let tested = admin.get("/route-test?host=a.com&path=/x%3Fy=1").await;
    assert_eq!((tested.status, tested.body), (200, json!({"asked": "/x?y=1"})));
    let wrong = admin.get("/route-test?scheme=ftp").await;
    assert_eq!((wrong.status, wrong.body), (400, json!({"message": "scheme: cannot be read: ftp"})));
    let endpoints = admin.get("/endpoints").await.body;
    for path in [
        "/",
        "/key-auths/{keyauth_credentials}",
        "/consumers/{consumers}/key-auth",
        "/services/{services}/routes/{routes}",
    ] {
        assert!(endpoints["data"].as_array().unwrap().contains(&json!(path)), "{path}");
    }
}

#[tokio::test]
async fn schemas_are_told_and_asked() {
    let admin = Admin::new().await;
    let schema = admin.get("/schemas/services").await.body;
    assert_eq!(schema["fields"][0], json!({"id": {"type": "string", "auto": true, "uuid": true}}));
    let plugin = admin.get("/schemas/plugins/rate-limiting").await.body;
    assert_eq!(plugin["entity_checks"], json!([{"at_least_one_of": ["config.minute", "config.hour"]}]));
    let config = &plugin["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field.get("config").is_some())
        .unwrap()["config"];
    assert_eq!((&config["type"], &config["required"]), (&json!("record"), &json!(true)));
    for (path, message) in
        [("/schemas/x", "No entity named 'x'"), ("/schemas/plugins/x", "No plugin named 'x'")]
    {
        let reply = admin.get(path).await;
        assert_eq!((reply.status, &reply.body["message"]), (404, &json!(message)));
    }
    let good = admin.json("POST", "/schemas/routes/validate", json!({"paths": ["/"]})).await;
    assert_eq!((good.status, good.body), (200, json!({"message": "schema validation successful"})));
    assert_eq!(admin.json("POST", "/schemas/routes/validate", json!({})).await.body["code"], 2);
    assert_eq!(
        admin.json("POST", "/schemas/plugins/validate", json!({"name": "key-auth"})).await.status,
        200
    );
    assert_eq!(admin.get("/routes").await.body["data"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn metrics_are_told_here_too() {
    let admin = Admin::new().await;
    let metrics = admin.get("/metrics").await;
    assert_eq!(metrics.headers["content-type"], "text/plain; charset=UTF-8");
    assert_eq!((metrics.status, &metrics.bytes[..]), (200, &b"# a metric\n"[..]));
}

#[tokio::test]
async fn every_answer_has_kongs_headers() {
    let admin = Admin::new().await;
    let request = |method: &str, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:8001")
            .header("origin", "http://localhost:8002")
    };
    let get = admin.send(request("GET", "/services").body(Body::empty()).unwrap()).await;
    let head = admin.send(request("HEAD", "/services").body(Body::empty()).unwrap()).await;
    for (name, want) in [
        ("content-type", "application/json; charset=utf-8"),
        ("server", "kong/3.9.3"),
        ("content-length", "23"),
        ("access-control-allow-origin", "http://localhost:8002"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(get.headers[name], want, "{name}");
        assert_eq!(head.headers[name], want, "HEAD: {name}");
    }
    assert!(get.headers.contains_key("x-kong-admin-latency"));
    assert!(head.bytes.is_empty());
    let options = admin.call("OPTIONS", "/services/x").await;
    assert_eq!(
        (options.status, options.headers["allow"].to_str().unwrap()),
        (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
    );
    assert_eq!(options.headers["access-control-allow-headers"], "Content-Type");
    assert_eq!(options.headers["access-control-allow-origin"], "*");
    assert_eq!(admin.call("OPTIONS", "/").await.headers["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(admin.call("OPTIONS", "/nowhere").await.status, 404);
    let access = AccessSettings { origins: vec!["http://gui.test".to_owned()], ..AccessSettings::default() };
    let listed = AdminSettings { access, ..AdminSettings::default() };
    let strict = Admin::with(listed).await.send(request("GET", "/").body(Body::empty()).unwrap()).await;
    assert_eq!(
        strict.headers["access-control-allow-origin"], "http://gui.test",
        "an origin that is not listed is not echoed"
    );
}

#[tokio::test]
async fn without_the_database_the_answer_is_fast_and_clear() {
    let admin = Admin::new().await;
    admin.state.store.whole().close().await;
    for path in ["/services", "/", "/plugins/enabled"] {
        let reply = admin.get(path).await;
        assert_eq!(
            (reply.status, &reply.body["message"]),
            (503, &json!("the database is not reachable; traffic is served on, try again later")),
            "{path}"
        );
    }
    let status = admin.get("/status").await;
    assert_eq!((status.status, &status.body["database"]), (200, &json!({"reachable": false})));
}

#[tokio::test]
async fn it_serves_on_a_socket_until_the_drain() {
    let admin = Admin::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, drain) = crate::shutdown::channel();
    let server =
        crate::task::spawn("admin", crate::admin::serve((listener, None), admin.state.clone(), drain));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"POST /services HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"host\":\"a\"}";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    trigger.advance(crate::shutdown::Phase::Draining);
    assert!(matches!(server.await, Ok(Some(Ok(())))), "the drain ends it");
}
