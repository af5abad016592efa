use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Version};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::exchange::{
    ConsumerFacts, Exchange, Peer, RequestHead, RequestId, ResponseHead, RouteFacts, Scheme, Timing,
};
use crate::telemetry::status::{ConfigurationStatus, Readiness};

/// A route and its service by their names; the same name gives the same id.
pub(in crate::telemetry) fn facts(route: &str, service: &str) -> Arc<RouteFacts> {
    facts_with_id(route.bytes().fold(1, |id, byte| id * 31 + u128::from(byte)), route, service)
}

fn facts_with_id(id: u128, route: &str, service: &str) -> Arc<RouteFacts> {
    let route_fields = json!({
        "id": Uuid::from_u128(id), "name": route, "service": null, "protocols": ["http"],
        "regex_priority": 0, "strip_path": true, "preserve_host": false,
        "https_redirect_status_code": 426, "path_handling": "v0",
    });
    let service_fields = json!({
        "id": Uuid::from_u128(2), "name": null, "protocol": "http", "host": service, "port": 80,
        "path": null, "retries": 5, "connect_timeout": 1, "write_timeout": 1, "read_timeout": 1,
        "enabled": true, "tls_verify": null,
    });
    Arc::new(RouteFacts {
        route: serde_json::from_value(route_fields).expect("a route"),
        service: Some(serde_json::from_value(service_fields).expect("a service")),
        route_json: format!(r#"{{"name":"{route}"}}"#).into(),
        service_json: Some(format!(r#"{{"name":"{service}"}}"#).into()),
    })
}

pub(in crate::telemetry) fn exchange(route: Option<Arc<RouteFacts>>, status: u16) -> Exchange {
    let started = Instant::now();
    let mut timing = Timing::begin(started, 0);
    timing.ended = Some(started + Duration::from_millis(30));
    let peer = Peer {
        client: ([127, 0, 0, 1], 1).into(),
        direct: ([127, 0, 0, 1], 1).into(),
        listener_port: 8000,
        scheme: Scheme::Http,
    };
    let request = RequestHead {
        method: Method::GET,
        uri: "/".parse().expect("a target"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    };
    let mut exchange = Exchange::begin(RequestId::from_bits(1), timing, peer, request);
    exchange.route = route;
    exchange.bytes_in = 100;
    let status = StatusCode::from_u16(status).expect("a status");
    exchange.response =
        Some(ResponseHead { status, headers: HeaderMap::new(), upstream_status: Some(status) });
    exchange
}

fn report() -> StatusReport {
    StatusReport {
        readiness: Readiness::Ready,
        database_reachable: Some(true),
        configuration_hash: None,
        configuration: ConfigurationStatus { revision: 7, loaded_unix_ms: 1_500, ..Default::default() },
        plugins: Vec::new(),
    }
}

fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.exposition(&report()).lines().map(str::to_owned).collect()
}

fn assert_line(lines: &[String], want: &str) {
    assert!(lines.iter().any(|line| line == want), "{want} is missing in\n{}", lines.join("\n"));
}

#[test]
fn workers_are_added_up() {
    let metrics = Metrics::new("n1");
    let workers = [metrics.worker(), metrics.worker()];
    for worker in &workers {
        worker.connection_opened();
        worker.request_begun();
        worker.record(&exchange(Some(facts("orders", "up")), 200), None);
    }
    workers[0].request_begun();
    workers[0].record(&exchange(None, 404), None);
    workers[1].request_begun();
    workers[1].connection_closed();
    let lines = lines(&metrics);
    for want in [
        r#"kong_http_requests_total{service="up",route="orders",code="200",source="service",workspace="default",consumer=""} 2"#,
        r#"kong_http_requests_total{service="",route="",code="404",source="service",workspace="default",consumer=""} 1"#,
        r#"kong_request_latency_ms_bucket{service="up",route="orders",workspace="default",le="25.0"} 0"#,
        r#"kong_request_latency_ms_bucket{service="up",route="orders",workspace="default",le="50.0"} 2"#,
        r#"kong_request_latency_ms_bucket{service="up",route="orders",workspace="default",le="+Inf"} 2"#,
        r#"kong_request_latency_ms_sum{service="up",route="orders",workspace="default"} 60"#,
        r#"kong_bandwidth_bytes{service="up",route="orders",direction="ingress",workspace="default",consumer=""} 200"#,
        r#"kong_nginx_connections_total{node_id="n1",subsystem="http",state="active"} 1"#,
        r#"kong_nginx_connections_total{node_id="n1",subsystem="http",state="writing"} 1"#,
        r#"kong_nginx_requests_total{node_id="n1",subsystem="http"} 4"#,
        "kong_datastore_reachable 1",
        "weir_config_revision 7",
        "weir_config_loaded_timestamp_seconds 1.5",
    ] {
        assert_line(&lines, want);
    }
    assert!(
        !lines.iter().any(|line| line.starts_with("kong_upstream_latency_ms_bucket")),
        "no upstream answered"
    );
}

#[test]
fn many_statuses_are_all_counted() {
    let metrics = Metrics::new("n1");
    let worker = metrics.worker();
    for status in 200..240 {
        worker.record(&exchange(Some(facts("r", "s")), status), None);
    }
    let counted = lines(&metrics).iter().filter(|line| line.starts_with("kong_http_requests_total{")).count();
    assert_eq!(counted, 40);
}

#[test]
fn a_renamed_route_gets_new_labels_and_an_unchanged_one_goes_on() {
    let metrics = Metrics::new("n1");
    let worker = metrics.worker();
    worker.record(&exchange(Some(facts_with_id(9, "old", "s")), 200), None);
    worker.record(&exchange(Some(facts_with_id(9, "old", "s")), 200), None);
    assert_line(
        &lines(&metrics),
        r#"kong_http_requests_total{service="s",route="old",code="200",source="service",workspace="default",consumer=""} 2"#,
    );
    worker.record(&exchange(Some(facts_with_id(9, "new", "s")), 200), None);
    let lines = lines(&metrics);
    assert_line(
        &lines,
        r#"kong_http_requests_total{service="s",route="new",code="200",source="service",workspace="default",consumer=""} 1"#,
    );
    assert!(!lines.iter().any(|line| line.contains("\"old\"")), "the old labels are gone");
}

#[test]
fn routes_beyond_the_bound_share_a_series_until_others_are_deleted() {
    let metrics = Metrics::new("n1");
    let worker = metrics.worker();
    worker.limit(2, 0);
    let (kept, deleted, late) = (facts("kept", "s"), facts("deleted", "s"), facts("late", "s"));
    for route in [&kept, &deleted, &late] {
        worker.record(&exchange(Some(Arc::clone(route)), 200), None);
    }
    let seen = lines(&metrics);
    assert!(
        seen.iter().any(|line| line.contains(r#"route="other""#)),
        "the third route is counted elsewhere"
    );
    drop(deleted);
    worker.record(&exchange(Some(late), 200), None);
    let seen = lines(&metrics);
    assert!(seen.iter().any(|line| line.contains(r#"route="late""#)), "there is room again");
    assert!(!seen.iter().any(|line| line.contains(r#"route="deleted""#)), "what is gone is not shown");
    drop(kept);
}

fn consumer(id: u128, name: &str) -> ConsumerFacts {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    ConsumerFacts::new(Uuid::from_u128(id), name, None, "{}")
}

/// The counts of requests on the route `r`, by consumer.
fn by_consumer(metrics: &Metrics) -> Vec<(String, u64)> {
    let requests = lines(metrics).into_iter().filter(|line| line.starts_with("kong_http_requests_total{"));
    let named = requests.filter_map(|line| {
        let (_, rest) = line.split_once("route=\"r\"")?.1.split_once("consumer=\"")?;
        let (name, count) = rest.split_once("\"} ")?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    named.collect()
}

#[test]
fn consumers_are_told_apart_but_not_in_latencies() {
    let metrics = Metrics::new("n1");
    let workers = [metrics.worker(), metrics.worker()];
    let seen = || exchange(Some(facts("r", "s")), 200);
    for worker in &workers {
        worker.record(&seen(), None);
        worker.record(&seen(), Some(&consumer(1, "ann")));
        worker.record(&seen(), Some(&consumer(2, "bob")));
        worker.record(&seen(), Some(&consumer(3, "")));
        worker.record(&exchange(None, 404), Some(&consumer(1, "ann")));
    }
    let lines = lines(&metrics);
    for want in [
        r#"kong_http_requests_total{service="",route="",code="404",source="service",workspace="default",consumer=""} 2"#,
        r#"kong_http_requests_total{service="s",route="r",code="200",source="service",workspace="default",consumer=""} 4"#,
        r#"kong_http_requests_total{service="s",route="r",code="200",source="service",workspace="default",consumer="ann"} 2"#,
        r#"kong_bandwidth_bytes{service="s",route="r",direction="ingress",workspace="default",consumer="bob"} 200"#,
        r#"kong_bandwidth_bytes{service="s",route="r",direction="ingress",workspace="default",consumer=""} 400"#,
        r#"kong_request_latency_ms_count{service="s",route="r",workspace="default"} 8"#,
    ] {
        assert_line(&lines, want);
    }
    let latencies = lines.iter().filter(|line| line.starts_with("kong_request_latency_ms_count{"));
    assert_eq!(latencies.count(), 2, "one for the route, and one for what no route matches");
    assert_eq!(workers[0].requests_of(&facts("r", "s")), 4, "whoever sent them");
}

#[test]
fn consumers_beyond_the_bound_share_a_series_and_a_new_name_is_followed() {
    let metrics = Metrics::new("n1");
    let worker = metrics.worker();
    worker.limit(2, 1);
    let (first, renamed) = (facts_with_id(9, "r", "s"), facts_with_id(9, "r", "t"));
    let record = |route: &Arc<RouteFacts>, id: u128, name: &str| {
        worker.record(&exchange(Some(Arc::clone(route)), 200), Some(&consumer(id, name)));
    };
    let all = |counts: &[(&str, u64)]| {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>()
    };
    record(&first, 1, "ann");
    record(&first, 2, "bob");
    record(&first, 3, "cid");
    record(&first, 1, "ann");
    assert_eq!(by_consumer(&metrics), all(&[("ann", 2), ("other", 2)]));
    record(&first, 1, "anna");
    assert_eq!(by_consumer(&metrics), all(&[("anna", 1), ("other", 2)]));
    // The service has another name: all series of the route begin anew, and there is room again.
    record(&renamed, 2, "bob");
    assert_eq!(by_consumer(&metrics), all(&[("bob", 1)]));
    drop(first);
}

#[test]
fn collectors_are_asked() {
    struct Fixed;
    impl Collect for Fixed {
        fn collect(&self, out: &mut Exposition) {
            out.family("weir_test", Kind::Gauge, "For this test.");
            out.sample(&[], 3);
        }
    }
    let metrics = Metrics::new("n1");
    metrics.register(Arc::new(Fixed));
    assert_line(&lines(&metrics), "weir_test 3");
}
