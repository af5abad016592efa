//! What a route says to a request that speaks another protocol than it is for (Kong's order and words).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{StatusCode, Version};

use crate::exchange::{AnswerBody, Exchange, LocalAnswer, Scheme};
use crate::model::{Protocol, Route};

/// The answer to a request that the route is not for; `None` if it may go on.
///
/// `trusted` tells whether the peer may speak for others: what it says of scheme and host counts then.
pub(super) fn refuse(exchange: &Exchange, route: &Route, trusted: bool) -> Option<LocalAnswer> {
    if let [Protocol::Http, Protocol::Https] | [Protocol::Https, Protocol::Http] = route.protocols.as_slice()
    {
        return None;
    }
    let has = |protocol: Protocol| route.protocols.contains(&protocol);
    let scheme = forwarded(exchange, "x-forwarded-proto", trusted).unwrap_or(exchange.peer.scheme.as_str());
    let is_https = scheme.eq_ignore_ascii_case(Scheme::Https.as_str());
    if route.is_for_tls_only() && !is_https {
        return Some(https_only(exchange, route, trusted));
    }
    if has(Protocol::Grpc) || has(Protocol::Grpcs) {
        return grpc_only(exchange, !has(Protocol::Grpc) && !is_https);
    }
    None
}

fn forwarded<'a>(exchange: &'a Exchange, name: &str, trusted: bool) -> Option<&'a str> {
    let value = exchange.request.headers.get(name).filter(|_| trusted)?;
    value.to_str().ok()
}

fn https_only(exchange: &Exchange, route: &Route, trusted: bool) -> LocalAnswer {
    let status =
        StatusCode::from_u16(route.https_redirect_status_code).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let target = exchange.request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let host = forwarded(exchange, "x-forwarded-host", trusted).unwrap_or(exchange.host());
    let location = HeaderValue::from_str(&format!("https://{}{target}", host.to_ascii_lowercase()));
    match location {
        Ok(location) if status != StatusCode::UPGRADE_REQUIRED => {
            let mut answer = LocalAnswer::message(status, "");
            answer.headers.insert(header::LOCATION, location);
            answer.body = AnswerBody::Empty;
            answer
        }
        Ok(_) | Err(_) => upgrade("Please use HTTPS protocol", "TLS/1.2, HTTP/1.1"),
    }
}

fn grpc_only(exchange: &Exchange, needs_tls: bool) -> Option<LocalAnswer> {
    let request = &exchange.request;
    if !is_grpc(&request.headers) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Some(LocalAnswer::message(status, "Non-gRPC request matched gRPC route"));
    }
    if request.version != Version::HTTP_2 {
        return Some(upgrade("Please use HTTP2 protocol", "HTTP/2"));
    }
    needs_tls.then(|| {
        let mut answer = LocalAnswer::message(StatusCode::OK, "");
        answer.body = AnswerBody::Empty;
        for (name, value) in [
            (header::CONTENT_TYPE, "application/grpc"),
            (HeaderName::from_static("grpc-status"), "1"),
            (HeaderName::from_static("grpc-message"), "gRPC request matched gRPCs route"),
        ] {
            answer.headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    })
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

fn upgrade(message: &'static str, protocols: &'static str) -> LocalAnswer {
    let mut answer = LocalAnswer::message(StatusCode::UPGRADE_REQUIRED, message);
    answer.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers.insert(header::UPGRADE, HeaderValue::from_static(protocols));
    answer
}
