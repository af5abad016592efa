//! The line of one exchange.

use std::time::Duration;

use tokio::time::Instant;

use super::time::{TimeText, three_digits};
use crate::exchange::{Exchange, RouteFacts, Try};
use crate::telemetry::json::{address_field, bytes, key, number_field, text_field};

/// Appends one line. Names are those of `docs/operations.md`; what is not known is left out.
pub(super) fn write(exchange: &Exchange, time: &mut TimeText, out: &mut String) {
    let request = &exchange.request;
    out.push_str("{\"time\":\"");
    time.write(exchange.timing.started_unix_ms, out);
    out.push('"');
    text_field("request_id", exchange.id.as_str(), out);
    address_field("client_ip", exchange.peer.client.ip(), out);
    text_field("method", request.method.as_str(), out);
    text_field("host", exchange.host(), out);
    text_field("path", request.uri.path(), out);
    // Nobody was answered when the client left first; nginx calls that 499.
    let response = exchange.response.as_ref();
    number_field("status", response.map_or(499, |response| response.status.as_u16()), out);
    number_field("bytes_in", exchange.bytes_in, out);
    number_field("bytes_out", exchange.bytes_out, out);
    if let Some(tls) = &exchange.tls {
        text_field("tls", tls.version, out);
        text_field("cipher", tls.cipher, out);
    }
    latencies(exchange, out);
    entities(exchange, out);
    upstream(exchange, out);
    if let Some(agent) = request.headers.get(http::header::USER_AGENT) {
        key("user_agent", out);
        bytes(agent.as_bytes(), out);
    }
    out.push_str("}\n");
}

fn latencies(exchange: &Exchange, out: &mut String) {
    let timing = &exchange.timing;
    let end = timing.ended.unwrap_or_else(Instant::now);
    milliseconds("request_ms", timing.total(end), out);
    milliseconds("gateway_ms", timing.gateway_latency(), out);
    if let Some(upstream) = timing.upstream_latency() {
        milliseconds("upstream_ms", upstream, out);
    }
    if timing.plugins > Duration::ZERO {
        milliseconds("plugins_ms", timing.plugins, out);
    }
}

/// Three digits behind the point: microseconds.
pub(super) fn milliseconds(name: &str, time: Duration, out: &mut String) {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    number_field(name, us / 1000, out);
    out.push('.');
    three_digits(us % 1000, out);
}

fn entities(exchange: &Exchange, out: &mut String) {
    route(exchange.route.as_deref(), out);
    let Some(identity) = &exchange.identity else {
        return;
    };
    if let Some(consumer) = &identity.consumer {
        named("consumer", consumer.username.as_deref(), consumer.id, out);
    }
}

/// The route and its service.
pub(super) fn route(facts: Option<&RouteFacts>, out: &mut String) {
    let Some(facts) = facts else { return };
    named("route", facts.route.name.as_deref(), facts.route.id, out);
    if let Some(service) = &facts.service {
        named("service", service.name.as_deref(), service.id, out);
    }
}

/// The name if there is one, else the id.
fn named(field: &str, name: Option<&str>, id: uuid::Uuid, out: &mut String) {
    match name {
        Some(name) => text_field(field, name, out),
        None => text_field(field, id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()), out),
    }
}

/// The last address, and how many attempts there were if more than one.
pub(super) fn tries(tries: &[Try], out: &mut String) {
    use std::fmt::Write;
    if let Some(last) = tries.last() {
        key("upstream", out);
        // An address needs no escaping; writing into a string cannot fail.
        _ = write!(out, "\"{}\"", last.address);
    }
    if tries.len() > 1 {
        number_field("tries", tries.len(), out);
    }
}

fn upstream(exchange: &Exchange, out: &mut String) {
    tries(&exchange.tries, out);
    let status = exchange.response.as_ref().and_then(|response| response.upstream_status);
    if let Some(status) = status {
        number_field("upstream_status", status.as_u16(), out);
    }
}
