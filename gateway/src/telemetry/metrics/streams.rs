//! The families of streams, under Kong's names where Kong has them.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Kind};
use super::proxy::{common, latency};
use super::series::{Labels, Merged};
use crate::telemetry::status::ServerTotals;

/// Streams by route. One without a route has empty labels.
pub(super) fn collect(totals: ServerTotals, merged: &BTreeMap<Labels, Merged>, out: &mut Exposition) {
    out.family("weir_streams_active", Kind::Gauge, "Streams of TCP, TLS and UDP under way.");
    out.sample(&[], totals.streams);
    if merged.values().all(|sums| sums.codes.is_empty()) {
        return;
    }
    out.family("kong_stream_sessions_total", Kind::Counter, "Stream status codes per service and route.");
    for (labels, sums) in merged {
        for ((code, source), count) in &sums.codes {
            let code = code.to_string();
            let [service, route, workspace] = common(labels);
            let more = [("code", code.as_str()), ("source", source.as_str())];
            out.sample(&[service, route, more[0], more[1], workspace], count);
        }
    }
    out.family("kong_session_duration_ms", Kind::Histogram, "Duration of streams, in milliseconds.");
    for (labels, sums) in merged {
        latency(labels, &sums.request, out);
    }
}
