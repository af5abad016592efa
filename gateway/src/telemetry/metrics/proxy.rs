//! The families of the data plane and of the node, under Kong's names where Kong has them.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Kind};
use super::latency::Distribution;
use super::series::{Labels, Merged};
use crate::task;
use crate::telemetry::status::{Handshake, ServerTotals, Shed, StatusReport};

/// The node and its configuration.
pub(super) fn node(node_id: &str, report: &StatusReport, out: &mut Exposition) {
    out.family("kong_node_info", Kind::Gauge, "Node metadata information.");
    out.sample(&[("node_id", node_id), ("version", env!("CARGO_PKG_VERSION"))], 1);
    if let Some(reachable) = report.database_reachable {
        out.family("kong_datastore_reachable", Kind::Gauge, "Whether the database answers: 0 is no.");
        out.sample(&[], u8::from(reachable));
    }
    out.family("weir_ready", Kind::Gauge, "Whether the node should get traffic: 0 is no.");
    out.sample(&[], u8::from(report.readiness.is_ready()));
    let configuration = &report.configuration;
    out.family("weir_config_revision", Kind::Gauge, "Revision of the configuration that serves requests.");
    out.sample(&[], configuration.revision);
    out.family("weir_config_loaded_timestamp_seconds", Kind::Gauge, "When that configuration went live.");
    out.sample(&[], thousandth(configuration.loaded_unix_ms));
    out.family(
        "weir_config_last_good",
        Kind::Gauge,
        "Whether it came from disk, as the database was away: 1 is yes.",
    );
    out.sample(&[], u8::from(configuration.from_last_good));
    out.family("weir_config_faults", Kind::Gauge, "Objects left out of it because they are broken.");
    out.sample(&[], configuration.faults);
    out.family("weir_task_panics_total", Kind::Counter, "Panics that were caught; any is a bug.");
    out.sample(&[], task::panics());
}

/// Connections and requests, whatever became of them.
pub(super) fn connections(node_id: &str, totals: ServerTotals, out: &mut Exposition) {
    out.family("kong_nginx_requests_total", Kind::Gauge, "Total number of requests.");
    out.sample(&[("node_id", node_id), ("subsystem", "http")], totals.requests);
    out.family("kong_nginx_connections_total", Kind::Gauge, "Number of connections by state.");
    for (state, count) in [
        ("accepted", totals.accepted),
        ("handled", totals.accepted),
        ("total", totals.requests),
        ("active", totals.active),
        ("writing", totals.running),
        ("waiting", totals.active.saturating_sub(totals.running)),
    ] {
        out.sample(&[("node_id", node_id), ("subsystem", "http"), ("state", state)], count);
    }
}

/// What was turned away.
pub(super) fn shed(totals: ServerTotals, out: &mut Exposition) {
    out.family(
        "weir_shed_total",
        Kind::Counter,
        "Connections and requests turned away, by the limit that was reached.",
    );
    for (reason, count) in Shed::ALL.into_iter().zip(totals.shed) {
        out.sample(&[("reason", reason.as_str())], count);
    }
}

/// Handshakes of clients, and second attempts that were not made.
pub(super) fn edges(totals: ServerTotals, out: &mut Exposition) {
    out.family("weir_tls_handshakes_total", Kind::Counter, "Handshakes of clients, by outcome and protocol.");
    for (outcome, count) in Handshake::ALL.into_iter().zip(totals.handshakes) {
        let (outcome, protocol) = outcome.labels();
        out.sample(&[("outcome", outcome), ("protocol", protocol)], count);
    }
    out.family(
        "weir_retries_refused_total",
        Kind::Counter,
        "Requests that were not sent to an upstream again, since the retry budget was spent.",
    );
    out.sample(&[], totals.retries_refused);
}

/// Requests by route, and by consumer where consumers are told apart. A request without a route has empty
/// labels. Bytes are those of streams as well.
pub(super) fn requests(
    merged: &BTreeMap<Labels, Merged>,
    streams: &BTreeMap<Labels, Merged>,
    out: &mut Exposition,
) {
    out.family("kong_http_requests_total", Kind::Counter, "HTTP status codes per service and route.");
    for (labels, sums) in merged {
        for ((code, source), count) in &sums.codes {
            let code = code.to_string();
            let [service, route, workspace] = common(labels);
            let more = [("code", code.as_str()), ("source", source.as_str())];
            let consumer = ("consumer", labels.consumer.as_str());
            out.sample(&[service, route, more[0], more[1], workspace, consumer], count);
        }
    }
    let all = [
        ("kong_kong_latency_ms", "Latency added by the gateway, in milliseconds."),
        ("kong_upstream_latency_ms", "Latency of the upstream's first byte, in milliseconds."),
        ("kong_request_latency_ms", "Latency of the whole request, in milliseconds."),
    ];
    for (which, (name, help)) in all.into_iter().enumerate() {
        out.family(name, Kind::Histogram, help);
        for (labels, sums) in merged {
            let chosen = [&sums.gateway, &sums.upstream, &sums.request];
            chosen.get(which).iter().for_each(|sum| latency(labels, sum, out));
        }
    }
    out.family("kong_bandwidth_bytes", Kind::Counter, "Bytes by service, route and direction.");
    for (labels, sums) in merged.iter().chain(streams).filter(|(_, sums)| !sums.codes.is_empty()) {
        let [service, route, workspace] = common(labels);
        let consumer = ("consumer", labels.consumer.as_str());
        for (direction, bytes) in [("ingress", sums.bytes_in), ("egress", sums.bytes_out)] {
            out.sample(&[service, route, ("direction", direction), workspace, consumer], bytes);
        }
    }
}

pub(super) fn common(labels: &Labels) -> [(&'static str, &str); 3] {
    [("service", labels.service.as_str()), ("route", labels.route.as_str()), ("workspace", "default")]
}

pub(super) fn latency(labels: &Labels, sum: &Distribution, out: &mut Exposition) {
    // A series that nothing was counted in says nothing.
    if sum.counts.iter().all(|count| *count == 0) {
        return;
    }
    let bounds: Vec<f64> = sum.bounds.iter().copied().map(f64::from).collect();
    out.histogram(&common(labels), &bounds, &sum.counts, thousandth(sum.sum_us));
}

/// A thousandth: milliseconds as seconds, microseconds as milliseconds.
fn thousandth(thousandths: u64) -> f64 {
    std::time::Duration::from_millis(thousandths).as_secs_f64()
}
