use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use serde_json::{Value, json};

use super::*;
use crate::exchange::{
    Attributes, ConsumerFacts, Identity, Peer, RequestHead, RequestId, ResponseHead, Scheme, Timing,
};
use crate::telemetry::metrics::tests::facts;

fn exchange(target: &'static str) -> Exchange {
    let started = Instant::now();
    let mut timing = Timing::begin(started, 1_700_000_000_123);
    timing.upstream_sent = Some(started + Duration::from_millis(2));
    timing.upstream_answered = Some(started + Duration::from_millis(32));
    timing.answered = Some(started + Duration::from_millis(33));
    timing.ended = Some(started + Duration::from_millis(40));
    let peer = Peer {
        client: ([192, 0, 2, 7], 4711).into(),
        direct: ([127, 0, 0, 1], 4711).into(),
        listener_port: 8000,
        scheme: Scheme::Http,
    };
    let mut headers = HeaderMap::new();
    headers.append("host", HeaderValue::from_static("api.test:80"));
    headers.append("accept", HeaderValue::from_static("a"));
    headers.append("authorization", HeaderValue::from_static("Basic c2VjcmV0"));
    headers.append("accept", HeaderValue::from_static("b"));
    headers.append("x-bytes", HeaderValue::from_bytes(b"\xff\"").expect("opaque"));
    let request = RequestHead {
        method: Method::POST,
        uri: target.parse().expect("a target"),
        version: Version::HTTP_11,
        headers,
    };
    Exchange::begin(RequestId::from_bits(7), timing, peer, request)
}

fn record(exchange: &Exchange) -> Value {
    let mut out = "before".to_owned();
    write(exchange, &mut out);
    serde_json::from_str(out.strip_prefix("before").expect("appended")).expect("valid JSON")
}

fn assert_part(record: &Value, pointer: &str, want: &Value) {
    assert_eq!(record.pointer(pointer), Some(want), "{pointer} in {record}");
}

#[test]
fn a_whole_exchange_has_kongs_fields() {
    let mut exchange = exchange("/a%20b?x=1&y&x=2&z=%22+q");
    exchange.route = Some(facts("orders", "backend"));
    exchange.upstream_path = "/base/a%20b?x=1".parse().ok();
    exchange.bytes_in = 300;
    exchange.bytes_out = 21;
    exchange.response = Some(ResponseHead {
        status: StatusCode::OK,
        headers: HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("up"))]),
        upstream_status: Some(StatusCode::CREATED),
    });
    exchange.tries = vec![Try {
        address: ([10, 0, 0, 1], 80).into(),
        started_unix_ms: 1_700_000_000_125,
        connect: Duration::from_micros(1_500),
        failure: Some("refused"),
        code: Some(502),
    }];
    let record = record(&exchange);
    for (pointer, want) in [
        ("/request/id", json!("00000000000000000000000000000007")),
        ("/request/method", json!("POST")),
        ("/request/uri", json!("/a%20b?x=1&y&x=2&z=%22+q")),
        ("/request/url", json!("http://api.test:8000/a%20b?x=1&y&x=2&z=%22+q")),
        ("/request/querystring", json!({"x": ["1", "2"], "y": true, "z": "\" q"})),
        ("/request/headers/accept", json!(["a", "b"])),
        ("/request/headers/authorization", json!("REDACTED")),
        ("/request/headers/x-bytes", json!("\u{fffd}\"")),
        ("/request/size", json!(300)),
        ("/response", json!({"status": 200, "headers": {"server": "up"}, "size": 21})),
        ("/upstream_uri", json!("/base/a%20b?x=1")),
        ("/upstream_status", json!("201")),
        ("/latencies", json!({"request": 40, "kong": 2, "proxy": 30, "receive": 8})),
        ("/tries/0/ip", json!("10.0.0.1")),
        ("/tries/0/balancer_latency_ns", json!(1_500_000)),
        ("/tries/0/state", json!("failed")),
        ("/route", json!({"name": "orders"})),
        ("/service", json!({"name": "backend"})),
        ("/client_ip", json!("192.0.2.7")),
        ("/started_at", json!(1_700_000_000_123_u64)),
        ("/source", json!("upstream")),
        ("/workspace_name", json!("default")),
    ] {
        assert_part(&record, pointer, &want);
    }
    assert_eq!(record.get("consumer"), None);
    assert_eq!(record.get("attributes"), None);
}

#[test]
fn an_answer_of_the_gateway_has_no_upstream() {
    let mut exchange = exchange("/");
    exchange.timing.upstream_sent = None;
    exchange.timing.upstream_answered = None;
    let head =
        ResponseHead { status: StatusCode::UNAUTHORIZED, headers: HeaderMap::new(), upstream_status: None };
    exchange.response = Some(head);
    let record = record(&exchange);
    assert_part(&record, "/source", &json!("kong"));
    assert_part(&record, "/upstream_status", &json!(""));
    assert_part(&record, "/latencies", &json!({"request": 40, "kong": 33, "proxy": -1, "receive": 0}));
    assert_part(&record, "/request/querystring", &json!({}));
    assert_part(&record, "/tries", &json!([]));
}

#[test]
fn the_caller_and_the_attributes_are_told() {
    let mut exchange = exchange("/?");
    let consumer =
        ConsumerFacts::new(uuid::Uuid::nil(), Some("joe".to_owned()), None, r#"{"username":"joe"}"#);
    exchange.identity = Some(Identity {
        consumer: Some(Arc::new(consumer)),
        credential: Some("c1".to_owned()),
        groups: Vec::new(),
        anonymous: false,
    });
    let mut attributes = Attributes::default();
    attributes.set("a\"b".to_owned(), "1".to_owned()).expect("small");
    attributes.set("c".to_owned(), "2".to_owned()).expect("small");
    exchange.attributes = attributes;
    let record = record(&exchange);
    assert_part(&record, "/consumer", &json!({"username": "joe"}));
    assert_part(&record, "/authenticated_entity", &json!({"id": "c1"}));
    assert_part(&record, "/attributes", &json!({"a\"b": "1", "c": "2"}));
    assert_part(&record, "/response", &json!({"size": 0}));
}
