//! What it costs to tell of one request: the log record, the line of the access log, the metrics.
//!
//! `cargo bench -p weir --bench telemetry` prints nanoseconds for each, the mean of many rounds.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start ends with a panic")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use serde_json::json;
use uuid::Uuid;
use weir::config::AccessLogTarget;
use weir::exchange::{Exchange, Peer, RequestHead, RequestId, ResponseHead, RouteFacts, Scheme, Timing, Try};
use weir::telemetry::{AccessLog, Metrics, log_record};

/// Rounds of one measurement.
const ROUNDS: u32 = 500_000;

fn main() {
    let exchange = exchange();
    let mut record = String::new();
    measure("log record", || {
        record.clear();
        log_record::write(&exchange, &mut record);
        black_box(&record);
    });
    println!("{:<24} {} bytes", "", record.len());

    let log = AccessLog::open(&AccessLogTarget::File("/dev/null".into())).expect("opens");
    let worker = log.worker();
    measure("access log", || worker.record(black_box(&exchange)));
    println!("{:<24} {} lines dropped", "", log.dropped());
    log.finish();

    let off = AccessLog::open(&AccessLogTarget::Off).expect("nothing to open").worker();
    measure("access log, off", || off.record(black_box(&exchange)));

    let metrics = Metrics::new("bench");
    let worker = metrics.worker();
    measure("metrics", || {
        worker.request_begun();
        worker.record(black_box(&exchange), None);
    });
}

fn measure(what: &str, mut work: impl FnMut()) {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    let each = began.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{what:<24} {each:>6} ns");
}

/// A request as a browser or a client library sends it, through one route, answered by an upstream.
fn exchange() -> Exchange {
    let started = tokio::time::Instant::now();
    let mut timing = Timing::begin(started, 1_700_000_000_123);
    timing.upstream_sent = Some(started + Duration::from_micros(90));
    timing.upstream_answered = Some(started + Duration::from_millis(12));
    timing.answered = Some(started + Duration::from_millis(12));
    timing.ended = Some(started + Duration::from_millis(13));
    let peer = Peer {
        client: ([192, 0, 2, 7], 4711).into(),
        direct: ([192, 0, 2, 7], 4711).into(),
        listener_port: 8000,
        scheme: Scheme::Http,
    };
    let request = RequestHead {
        method: Method::GET,
        uri: "/orders/17?expand=lines".parse().expect("a target"),
        version: Version::HTTP_11,
        headers: headers(&[
            ("host", "api.example.com"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, deflate, br"),
            ("authorization", "Bearer abcdefghijklmnopqrstuvwxyz"),
            ("x-consumer-id", "7d5d6b8e-0000-4000-8000-000000000001"),
            ("x-consumer-username", "joe"),
            ("cookie", "session=0123456789abcdef0123456789abcdef"),
        ]),
    };
    let mut exchange = Exchange::begin(RequestId::from_bits(7), timing, peer, request);
    exchange.route = Some(facts());
    exchange.upstream_path = "/orders/17?expand=lines".parse().ok();
    exchange.response = Some(ResponseHead {
        status: StatusCode::OK,
        headers: headers(&[
            ("content-type", "application/json"),
            ("content-length", "512"),
            ("date", "Mon, 23 Nov 2026 02:10:11 GMT"),
            ("server", "upstream/1.0"),
            ("cache-control", "no-store"),
        ]),
        upstream_status: Some(StatusCode::OK),
    });
    exchange.tries = vec![Try {
        address: ([10, 0, 0, 1], 80).into(),
        started_unix_ms: 1_700_000_000_123,
        connect: Duration::from_micros(200),
        failure: None,
        code: None,
    }];
    exchange
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn facts() -> Arc<RouteFacts> {
    let route = json!({
        "id": Uuid::from_u128(1), "name": "orders", "service": {"id": Uuid::from_u128(2)},
        "protocols": ["http", "https"], "methods": null, "hosts": null, "paths": ["/orders"], "headers": null,
        "snis": null, "sources": null, "destinations": null, "regex_priority": 0, "strip_path": true,
        "preserve_host": false, "https_redirect_status_code": 426, "path_handling": "v0",
        "request_buffering": true, "response_buffering": true, "tags": null, "created_at": 1, "updated_at": 1,
    });
    let service = json!({
        "id": Uuid::from_u128(2), "name": "backend", "protocol": "http", "host": "10.0.0.1", "port": 80,
        "path": null, "retries": 5, "connect_timeout": 60000, "write_timeout": 60000, "read_timeout": 60000,
        "enabled": true, "tls_verify": null, "tls_verify_depth": null, "ca_certificates": null,
        "client_certificate": null, "tags": null, "created_at": 1, "updated_at": 1,
    });
    Arc::new(RouteFacts {
        route_json: route.to_string().into(),
        service_json: Some(service.to_string().into()),
        route: serde_json::from_value(route).expect("a route"),
        service: Some(serde_json::from_value(service).expect("a service")),
    })
}
