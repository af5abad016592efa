//! Header rules of a proxy: what is hop-by-hop, what is added on the way (RFC 9110 section 7.6,
//! Kong's `X-Forwarded-*`).
//!
//! Framing is not decided here: `content-length` and `transfer-encoding` are dropped, and hyper
//! frames each message anew from the body that it is given.

use std::time::Duration;

use http::Version;
use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use crate::client::HeadWriter;
use crate::config::HeaderToken;
use crate::exchange::Exchange;

/// How the gateway names itself; clients of Kong look for this text.
pub(super) const SERVER: HeaderValue = HeaderValue::from_static("kong/3.9.3");

/// The protocol in which the request came, and who received it.
fn via_value(exchange: &Exchange) -> HeaderValue {
    HeaderValue::from_static(match exchange.request.version {
        Version::HTTP_2 => "2 kong/3.9.3",
        _ => "1.1 kong/3.9.3",
    })
}

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
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
#[derive(Debug, Clone)]
pub(super) struct ConnectionHeaders {
    /// The address of the direct peer.
    pub(super) peer: HeaderValue,
    /// The listener's port.
    pub(super) port: HeaderValue,
    /// Whether the peer may speak for others (`trusted_ips`).
    pub(super) trusted: bool,
}

/// Where the headers of a request go: on the wire, or into a map for a function.
pub(super) trait Fields {
    /// One header.
    fn field(&mut self, name: &HeaderName, value: &[u8]);
    /// One header whose value is made of several parts.
    fn joined(&mut self, name: &HeaderName, parts: &[&[u8]]);
}

impl Fields for HeadWriter<'_> {
    fn field(&mut self, name: &HeaderName, value: &[u8]) {
        HeadWriter::field(self, name, value);
    }

    fn joined(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        HeadWriter::joined(self, name, parts);
    }
}

impl Fields for HeaderMap {
    fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.extend(HeaderValue::from_bytes(value).ok().map(|value| (name.clone(), value)));
    }

    fn joined(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        self.field(name, &parts.concat());
    }
}

/// What the route contributes to the upstream's headers.
#[derive(Debug)]
pub(super) struct Forwarded<'a> {
    /// The Host to send.
    pub(super) host: &'a HeaderValue,
    /// The part of the path that was stripped, if it is worth a header.
    pub(super) prefix: Option<&'a str>,
}

/// Writes the headers of the request as it goes to the upstream.
pub(super) fn to_upstream(
    exchange: &Exchange,
    connection: &ConnectionHeaders,
    route: &Forwarded<'_>,
    to: &mut impl Fields,
) {
    let from = &exchange.request.headers;
    let named = named_by_connection(from);
    to.field(&header::HOST, route.host.as_bytes());
    match upgrade(exchange) {
        None => to.field(&header::CONNECTION, b"keep-alive"),
        Some(protocol) => {
            to.field(&header::CONNECTION, b"upgrade");
            to.field(&header::UPGRADE, protocol.as_bytes());
        }
    }
    for (name, value) in from {
        if !is_replaced(name) && !named.iter().any(|hop| hop == name) {
            to.field(name, value.as_bytes());
        }
    }
    if has_token(from, &header::TE, "trailers") {
        to.field(&header::TE, b"trailers");
    }
    forwarded(exchange, connection, route, to);
    to.field(&X_KONG_REQUEST_ID, exchange.id.as_str().as_bytes());
    listed(from, &header::VIA, via_value(exchange).as_bytes(), to);
}

/// The protocol that the client wants to change over to, if the gateway passes that on: one, not HTTP or
/// TLS, in a request without a body.
pub(super) fn upgrade(exchange: &Exchange) -> Option<&HeaderValue> {
    let headers = &exchange.request.headers;
    let protocol = headers.get(header::UPGRADE)?;
    let text = protocol.to_str().ok()?;
    let one = headers.get_all(header::UPGRADE).iter().nth(1).is_none() && !text.contains(',');
    let begins =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|text| text.eq_ignore_ascii_case(prefix));
    let speaks_http = ["h2", "h3", "http", "tls"].into_iter().any(begins);
    let bodiless = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !headers.contains_key(header::TRANSFER_ENCODING);
    let asked =
        exchange.request.version == Version::HTTP_11 && has_token(headers, &header::CONNECTION, "upgrade");
    (one && !speaks_http && bodiless && asked).then_some(protocol)
}

fn forwarded(
    exchange: &Exchange,
    connection: &ConnectionHeaders,
    route: &Forwarded<'_>,
    to: &mut impl Fields,
) {
    let from = &exchange.request.headers;
    real_ip(exchange, connection, to);
    if exchange.peer.client == exchange.peer.direct || from.contains_key(&X_FORWARDED_FOR) {
        listed(from, &X_FORWARDED_FOR, connection.peer.as_bytes(), to);
    } else {
        to.field(&X_FORWARDED_FOR, exchange.peer.client.ip().to_string().as_bytes());
    }
    let mut set = |name: &HeaderName, value: &[u8]| {
        let kept = if connection.trusted { from.get(name) } else { None };
        to.field(name, kept.map_or(value, HeaderValue::as_bytes));
    };
    set(&X_FORWARDED_PROTO, exchange.peer.scheme.as_str().as_bytes());
    let host = exchange.host();
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        set(&X_FORWARDED_HOST, host.to_ascii_lowercase().as_bytes());
    } else {
        set(&X_FORWARDED_HOST, host.as_bytes());
    }
    set(&X_FORWARDED_PORT, connection.port.as_bytes());
    set(&X_FORWARDED_PATH, exchange.request.uri.path().as_bytes());
    if let Some(prefix) = route.prefix {
        set(&X_FORWARDED_PREFIX, prefix.as_bytes());
    } else if connection.trusted
        && let Some(kept) = from.get(&X_FORWARDED_PREFIX)
    {
        to.field(&X_FORWARDED_PREFIX, kept.as_bytes());
    }
}

fn real_ip(exchange: &Exchange, connection: &ConnectionHeaders, to: &mut impl Fields) {
    if exchange.peer.client.ip() == exchange.peer.direct.ip() {
        to.field(&X_REAL_IP, connection.peer.as_bytes());
    } else {
        to.field(&X_REAL_IP, exchange.peer.client.ip().to_string().as_bytes());
    }
}

/// One line with the values that came and `own` behind them.
fn listed(from: &HeaderMap, name: &HeaderName, own: &[u8], to: &mut impl Fields) {
    let mut parts = Vec::new();
    for value in from.get_all(name) {
        parts.extend([value.as_bytes(), b", "]);
    }
    if parts.is_empty() {
        return to.field(name, own);
    }
    parts.push(own);
    to.joined(name, &parts);
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
    let gateway = milliseconds(exchange.timing.gateway_latency());
    for token in tokens {
        match token {
            HeaderToken::Via if proxied => append_via(via_value(exchange), headers),
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

fn append_via(own: HeaderValue, headers: &mut HeaderMap) {
    match headers.entry(header::VIA) {
        Entry::Occupied(mut entry) => {
            let joined = [entry.get().as_bytes(), b", ", own.as_bytes()].concat();
            if let Ok(value) = HeaderValue::from_maybe_shared(joined) {
                entry.insert(value);
            }
        }
        Entry::Vacant(entry) => _ = entry.insert(own),
    }
}

/// Whole milliseconds; the usual ones without an allocation.
fn milliseconds(time: Duration) -> HeaderValue {
    const USUAL: [HeaderValue; 8] = [
        HeaderValue::from_static("0"),
        HeaderValue::from_static("1"),
        HeaderValue::from_static("2"),
        HeaderValue::from_static("3"),
        HeaderValue::from_static("4"),
        HeaderValue::from_static("5"),
        HeaderValue::from_static("6"),
        HeaderValue::from_static("7"),
    ];
    let whole = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let usual = usize::try_from(whole).ok().and_then(|whole| USUAL.get(whole).cloned());
    usual.unwrap_or_else(|| HeaderValue::from(whole))
}

/// Headers that never pass as they are: hop-by-hop ones, and those that are set anew.
fn is_replaced(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "host"
            | "keep-alive"
            | "proxy"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "via"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-path"
            | "x-forwarded-port"
            | "x-forwarded-prefix"
            | "x-forwarded-proto"
            | "x-kong-request-id"
            | "x-real-ip"
    )
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
