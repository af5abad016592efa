//! Header rules of a proxy: what is hop-by-hop, what is added on the way (RFC 9110 section 7.6,
//! Kong's `X-Forwarded-*`).
//!
//! Framing is not decided here: `content-length` and `transfer-encoding` are dropped, and hyper
//! frames each message anew from the body that it is given.

use std::time::Duration;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use crate::config::HeaderToken;
use crate::exchange::Exchange;

/// How the gateway names itself; clients of Kong look for this text.
pub(super) const SERVER: HeaderValue = HeaderValue::from_static("kong/3.9.3");
const VIA: &str = "1.1 kong/3.9.3";

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY: HeaderName = HeaderName::from_static("proxy");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PATH: HeaderName = HeaderName::from_static("x-forwarded-path");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_KONG_PROXY_LATENCY: HeaderName = HeaderName::from_static("x-kong-proxy-latency");
static X_KONG_REQUEST_ID: HeaderName = HeaderName::from_static("x-kong-request-id");
static X_KONG_RESPONSE_LATENCY: HeaderName = HeaderName::from_static("x-kong-response-latency");
static X_KONG_UPSTREAM_LATENCY: HeaderName = HeaderName::from_static("x-kong-upstream-latency");
static X_KONG_UPSTREAM_STATUS: HeaderName = HeaderName::from_static("x-kong-upstream-status");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Values that are the same for every request of one connection, made once.
#[derive(Debug)]
pub(super) struct ConnectionHeaders {
    /// The address of the direct peer.
    pub(super) peer: HeaderValue,
    /// The listener's port.
    pub(super) port: HeaderValue,
    /// Whether the peer may speak for others (`trusted_ips`).
    pub(super) trusted: bool,
}

/// What the route contributes to the upstream's headers.
#[derive(Debug)]
pub(super) struct Forwarded<'a> {
    /// The Host to send.
    pub(super) host: HeaderValue,
    /// The part of the path that was stripped, if it is worth a header.
    pub(super) prefix: Option<&'a str>,
}

/// The headers of the request as it goes to the upstream.
pub(super) fn to_upstream(
    exchange: &Exchange,
    connection: &ConnectionHeaders,
    route: &Forwarded<'_>,
) -> HeaderMap {
    let from = &exchange.request.headers;
    let named = named_by_connection(from);
    let mut to = HeaderMap::with_capacity(from.len() + 12);
    for (name, value) in from {
        if !is_replaced(name) && !named.iter().any(|hop| hop == name) {
            to.append(name, value.clone());
        }
    }
    to.insert(header::HOST, route.host.clone());
    to.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    if has_token(from, &header::TE, "trailers") {
        to.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    forwarded(exchange, connection, route, &mut to);
    to.insert(&X_KONG_REQUEST_ID, exchange.id.to_header());
    append_via(&mut to);
    to
}

fn forwarded(exchange: &Exchange, connection: &ConnectionHeaders, route: &Forwarded<'_>, to: &mut HeaderMap) {
    let from = &exchange.request.headers;
    to.insert(&X_REAL_IP, client_address(exchange, connection));
    to.insert(&X_FORWARDED_FOR, forwarded_for(from, &connection.peer));
    let mut set = |name: &HeaderName, value: Option<HeaderValue>| {
        let kept = from.get(name).filter(|_| connection.trusted).cloned();
        if let Some(value) = kept.or(value) {
            to.insert(name, value);
        }
    };
    set(&X_FORWARDED_PROTO, Some(HeaderValue::from_static(exchange.peer.scheme.as_str())));
    set(&X_FORWARDED_HOST, HeaderValue::from_str(&exchange.host().to_ascii_lowercase()).ok());
    set(&X_FORWARDED_PORT, Some(connection.port.clone()));
    set(&X_FORWARDED_PATH, HeaderValue::from_str(exchange.request.uri.path()).ok());
    set(&X_FORWARDED_PREFIX, route.prefix.and_then(|prefix| HeaderValue::from_str(prefix).ok()));
}

fn client_address(exchange: &Exchange, connection: &ConnectionHeaders) -> HeaderValue {
    if exchange.peer.client.ip() == exchange.peer.direct.ip() {
        return connection.peer.clone();
    }
    HeaderValue::from_str(&exchange.peer.client.ip().to_string()).unwrap_or_else(|_| connection.peer.clone())
}

fn forwarded_for(from: &HeaderMap, peer: &HeaderValue) -> HeaderValue {
    let mut all = Vec::new();
    for value in from.get_all(&X_FORWARDED_FOR) {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b", ");
    }
    if all.is_empty() {
        return peer.clone();
    }
    all.extend_from_slice(peer.as_bytes());
    HeaderValue::from_maybe_shared(all).unwrap_or_else(|_| peer.clone())
}

/// Takes the hop-by-hop headers out of an upstream's response.
pub(super) fn from_upstream(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in
        [&header::CONNECTION, &KEEP_ALIVE, &header::TRANSFER_ENCODING, &header::UPGRADE, &PROXY_CONNECTION]
    {
        headers.remove(name);
    }
}

/// Adds what Kong adds to every response.
///
/// `tokens` are those that the operator wants (Kong's `headers`).
pub(super) fn to_client(exchange: &Exchange, proxied: bool, tokens: &[HeaderToken], headers: &mut HeaderMap) {
    let milliseconds =
        |time: Duration| HeaderValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let gateway = milliseconds(exchange.timing.gateway_latency());
    for token in tokens {
        match token {
            HeaderToken::Via if proxied => append_via(headers),
            HeaderToken::Server if !proxied => _ = headers.insert(header::SERVER, SERVER),
            HeaderToken::ProxyLatency if proxied => {
                _ = headers.insert(&X_KONG_PROXY_LATENCY, gateway.clone())
            }
            HeaderToken::ResponseLatency if !proxied => {
                _ = headers.insert(&X_KONG_RESPONSE_LATENCY, gateway.clone())
            }
            HeaderToken::UpstreamLatency if proxied => {
                let upstream = exchange.timing.upstream_latency().unwrap_or_default();
                headers.insert(&X_KONG_UPSTREAM_LATENCY, milliseconds(upstream));
            }
            HeaderToken::UpstreamStatus => {
                let status = exchange.response.as_ref().and_then(|response| response.upstream_status);
                headers.extend(status.map(|status| (X_KONG_UPSTREAM_STATUS.clone(), status.as_u16().into())));
            }
            HeaderToken::RequestId => _ = headers.insert(&X_KONG_REQUEST_ID, exchange.id.to_header()),
            HeaderToken::Via | HeaderToken::Server | HeaderToken::ProxyLatency => {}
            HeaderToken::ResponseLatency | HeaderToken::UpstreamLatency => {}
        }
    }
}

fn append_via(headers: &mut HeaderMap) {
    match headers.entry(header::VIA) {
        Entry::Occupied(mut entry) => {
            let joined = [entry.get().as_bytes(), b", ", VIA.as_bytes()].concat();
            if let Ok(value) = HeaderValue::from_maybe_shared(joined) {
                entry.insert(value);
            }
        }
        Entry::Vacant(entry) => _ = entry.insert(HeaderValue::from_static(VIA)),
    }
}

/// Headers that never pass as they are: hop-by-hop ones, and those that are set anew.
fn is_replaced(name: &HeaderName) -> bool {
    *name == header::HOST
        || *name == header::CONNECTION
        || *name == header::CONTENT_LENGTH
        || *name == header::TRANSFER_ENCODING
        || *name == header::TE
        || *name == header::UPGRADE
        || *name == header::EXPECT
        || *name == KEEP_ALIVE
        || *name == PROXY
        || *name == PROXY_CONNECTION
        || *name == X_REAL_IP
        || *name == X_KONG_REQUEST_ID
        || name.as_str().starts_with("x-forwarded-") && is_forwarded(name)
}

fn is_forwarded(name: &HeaderName) -> bool {
    [
        &X_FORWARDED_FOR,
        &X_FORWARDED_HOST,
        &X_FORWARDED_PATH,
        &X_FORWARDED_PORT,
        &X_FORWARDED_PREFIX,
        &X_FORWARDED_PROTO,
    ]
    .contains(&name)
}

/// Headers that the `Connection` header names as meant for this hop only.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut named = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let usual = token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close");
            if usual || token.is_empty() {
                continue;
            }
            named.extend(HeaderName::from_bytes(token).ok());
        }
    }
    named
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.any(|value| {
        let mut parts = value.as_bytes().split(|byte| *byte == b',' || *byte == b';');
        parts.any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}
