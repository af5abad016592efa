//! The record of one exchange as JSON: what Kong's `kong.log.serialize` gives to log plugins.
//!
//! Written by hand, because it is written once a request for every route with a log plugin: about
//! a microsecond, one string, no tree of values. Routes, services and consumers come as JSON
//! already. The shape is Kong 3.9's, with `attributes` for what plugins left behind.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::json::{address_field, bytes, escaped, json_field, key, number_field, string, text_field};
use super::redact;
use crate::exchange::{Exchange, Try};

/// The workspace of a gateway without workspaces, as Kong names it.
const WORKSPACE: &str = "0dc6f45b-8f8d-40d2-a504-473544ee190b";

/// A decoded part of a query.
type Text<'t> = Cow<'t, str>;

/// Appends the record of `exchange` to `out`. Does not wait; allocates only what `out` lacks.
pub fn write(exchange: &Exchange, out: &mut String) {
    out.push('{');
    key("request", out);
    request(exchange, out);
    key("response", out);
    response(exchange, out);
    text_field("upstream_uri", exchange.upstream_path.as_ref().map_or("", PathAndQuery::as_str), out);
    text_field("upstream_status", upstream_status(exchange).unwrap_or_default(), out);
    key("latencies", out);
    latencies(exchange, out);
    key("tries", out);
    tries(&exchange.tries, out);
    entities(exchange, out);
    address_field("client_ip", exchange.peer.client.ip(), out);
    number_field("started_at", exchange.timing.started_unix_ms, out);
    text_field("source", if upstream_status(exchange).is_some() { "upstream" } else { "kong" }, out);
    text_field("workspace", WORKSPACE, out);
    text_field("workspace_name", "default", out);
    attributes(exchange, out);
    out.push('}');
}

fn upstream_status(exchange: &Exchange) -> Option<&str> {
    exchange.response.as_ref()?.upstream_status.as_ref().map(http::StatusCode::as_str)
}

fn request(exchange: &Exchange, out: &mut String) {
    let request = &exchange.request;
    let target = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    out.push('{');
    text_field("id", exchange.id.as_str(), out);
    text_field("method", request.method.as_str(), out);
    text_field("uri", target, out);
    key("url", out);
    url(exchange, target, out);
    key("querystring", out);
    query(request.uri.query().unwrap_or_default(), out);
    key("headers", out);
    headers(&request.headers, redact::is_secret, out);
    number_field("size", exchange.bytes_in, out);
    if let Some(tls) = &exchange.tls {
        key("tls", out);
        out.push('{');
        text_field("version", tls.version, out);
        text_field("cipher", tls.cipher, out);
        // Clients are not asked for certificates; nginx says so.
        text_field("client_verify", "NONE", out);
        out.push('}');
    }
    out.push('}');
}

/// Kong's form: with the port of the listener, whatever the client called it.
fn url(exchange: &Exchange, target: &str, out: &mut String) {
    out.push('"');
    out.push_str(exchange.peer.scheme.as_str());
    out.push_str("://");
    escaped(exchange.host(), out);
    out.push(':');
    out.push_str(itoa::Buffer::new().format(exchange.peer.listener_port));
    escaped(target, out);
    out.push('"');
}

fn response(exchange: &Exchange, out: &mut String) {
    out.push('{');
    if let Some(response) = &exchange.response {
        number_field("status", response.status.as_u16(), out);
        key("headers", out);
        headers(&response.headers, |_| false, out);
    }
    number_field("size", exchange.bytes_out, out);
    out.push('}');
}

/// A header sent more than once becomes a list.
fn headers(headers: &HeaderMap, is_secret: impl Fn(&HeaderName) -> bool, out: &mut String) {
    out.push('{');
    // The map gives all values of one name in a row.
    let mut lines = headers.iter().peekable();
    while let Some((name, first)) = lines.next() {
        key(name.as_str(), out);
        if is_secret(name) {
            string(redact::REDACTED, out);
            while lines.next_if(|(next, _)| *next == name).is_some() {}
            continue;
        }
        if lines.peek().is_none_or(|(next, _)| *next != name) {
            bytes(first.as_bytes(), out);
            continue;
        }
        out.push('[');
        bytes(first.as_bytes(), out);
        while let Some((_, value)) = lines.next_if(|(next, _)| *next == name) {
            next_item(value, out);
        }
        out.push(']');
    }
    out.push('}');
}

fn next_item(value: &HeaderValue, out: &mut String) {
    out.push(',');
    bytes(value.as_bytes(), out);
}

/// Arguments by name, decoded; a name without a value is `true`, a repeated one a list.
fn query(query: &str, out: &mut String) {
    if query.is_empty() {
        out.push_str("{}");
        return;
    }
    let mut arguments: Vec<(Text<'_>, Vec<Option<Text<'_>>>)> = Vec::new();
    // Kong looks at 100 arguments; the bound also keeps the search below short.
    for part in query.split('&').filter(|part| !part.is_empty()).take(100) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        let (name, value) = (decoded(name), value.map(decoded));
        match arguments.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => arguments.push((name, vec![value])),
        }
    }
    out.push('{');
    for (name, values) in &arguments {
        if !out.ends_with('{') {
            out.push(',');
        }
        string(name, out);
        out.push(':');
        argument(values, out);
    }
    out.push('}');
}

fn argument(values: &[Option<Text<'_>>], out: &mut String) {
    let one = |value: &Option<Text<'_>>, out: &mut String| match value {
        Some(text) => string(text, out),
        None => out.push_str("true"),
    };
    if let [value] = values {
        return one(value, out);
    }
    out.push('[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        one(value, out);
    }
    out.push(']');
}

fn decoded(text: &str) -> Text<'_> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// In whole milliseconds: `kong` is the gateway's share, `proxy` the wait for the upstream's head
/// (-1 without an upstream), `receive` the transfer of the body, `request` all of it.
fn latencies(exchange: &Exchange, out: &mut String) {
    let timing = &exchange.timing;
    let end = timing.ended.unwrap_or_else(Instant::now);
    let proxy = timing.upstream_latency();
    let receive = timing.upstream_answered.map(|from| end.saturating_duration_since(from));
    out.push('{');
    number_field("request", milliseconds(timing.total(end)), out);
    number_field("kong", milliseconds(timing.gateway_latency()), out);
    number_field("proxy", proxy.map_or(-1, milliseconds), out);
    number_field("receive", receive.map_or(0, milliseconds), out);
    out.push('}');
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn tries(tries: &[Try], out: &mut String) {
    out.push('[');
    for attempt in tries {
        if !out.ends_with('[') {
            out.push(',');
        }
        out.push('{');
        number_field("balancer_start", attempt.started_unix_ms, out);
        number_field("balancer_start_ns", attempt.started_unix_ms.saturating_mul(1_000_000), out);
        number_field("balancer_latency", milliseconds(attempt.connect), out);
        let nanos = u64::try_from(attempt.connect.as_nanos()).unwrap_or(u64::MAX);
        number_field("balancer_latency_ns", nanos, out);
        address(attempt.address, out);
        if attempt.failure.is_some() {
            text_field("state", "failed", out);
        }
        if let Some(code) = attempt.code {
            number_field("code", code, out);
        }
        out.push('}');
    }
    out.push(']');
}

fn address(address: SocketAddr, out: &mut String) {
    address_field("ip", address.ip(), out);
    number_field("port", address.port(), out);
}

fn entities(exchange: &Exchange, out: &mut String) {
    if let Some(facts) = &exchange.route {
        json_field("route", &facts.route_json, out);
        if let Some(service) = &facts.service_json {
            json_field("service", service, out);
        }
    }
    let Some(identity) = &exchange.identity else {
        return;
    };
    if let Some(credential) = &identity.credential {
        key("authenticated_entity", out);
        out.push('{');
        text_field("id", credential, out);
        out.push('}');
    }
    if let Some(consumer) = &identity.consumer {
        json_field("consumer", &consumer.json, out);
    }
}

fn attributes(exchange: &Exchange, out: &mut String) {
    let mut attributes = exchange.attributes.iter().peekable();
    if attributes.peek().is_none() {
        return;
    }
    key("attributes", out);
    out.push('{');
    for (name, value) in attributes {
        if !out.ends_with('{') {
            out.push(',');
        }
        string(name, out);
        out.push(':');
        string(value, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests;
