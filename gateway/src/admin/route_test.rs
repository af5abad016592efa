//! `GET /route-test`: which route would take this request, and why no other.
//!
//! No route is called, and none can be in the way: the path belongs to no kind of entity.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::answer::Answer;
use super::call::{Call, Query};
use super::error::ApiError;
use crate::model::Protocol;

/// Routes beside the winner that are told of, unless `size` asks for another number.
const OTHERS: usize = 20;
const MOST_OTHERS: usize = 1000;

/// A request that nobody has sent.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteQuestion {
    /// Its method.
    pub method: Method,
    /// Whether it comes over TLS.
    pub tls: bool,
    /// What carries it, if it is no request but a stream.
    pub stream: Option<Protocol>,
    /// The host that it names, without port.
    pub host: String,
    /// The port of the listener, or the one that comes with the host.
    pub port: u16,
    /// Path and query, as they would be sent.
    pub target: PathAndQuery,
    /// Its headers.
    pub headers: HeaderMap,
    /// The TLS server name.
    pub sni: Option<String>,
    /// Where it comes from.
    pub source: SocketAddr,
    /// How many of the other routes to tell of.
    pub others: usize,
}

/// Asks the routes that requests see now.
pub(super) async fn test_route(call: Call<'_>) -> Result<Answer, ApiError> {
    let question = read(&call.query)?;
    let ask = Arc::clone(&call.state.node.route);
    let answer = tokio::task::spawn_blocking(move || ask(&question)).await.map_err(|error| {
        tracing::error!(%error, "the routes cannot be asked");
        ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
    })?;
    Ok(Answer::ok(answer))
}

fn read(query: &Query) -> Result<RouteQuestion, ApiError> {
    let url: Option<Uri> = part(query, "url")?;
    let url = url.unwrap_or_default();
    let scheme = query.get("scheme").or(url.scheme_str()).unwrap_or("http");
    let (tls, stream) = match scheme {
        "http" | "grpc" => (false, None),
        "https" | "grpcs" => (true, None),
        "tcp" => (false, Some(Protocol::Tcp)),
        "tls" => (true, Some(Protocol::Tls)),
        "udp" => (false, Some(Protocol::Udp)),
        other => return Err(wrong("scheme", other)),
    };
    let target: Option<PathAndQuery> = part(query, "path")?;
    let target = target.or_else(|| url.path_and_query().cloned());
    let target = target.unwrap_or(PathAndQuery::from_static("/"));
    if !target.as_str().starts_with('/') {
        return Err(wrong("path", target.as_str()));
    }
    let authority = url.authority().map(|authority| authority.as_str());
    let named = query.get("host").or(authority).unwrap_or_default();
    let (host, port) = match named.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, Some(port.parse().map_err(|_| wrong("host", named))?))
        }
        Some(_) | None => (named, None),
    };
    let source: Option<IpAddr> = part(query, "source")?;
    Ok(RouteQuestion {
        method: part(query, "method")?.unwrap_or(Method::GET),
        tls,
        stream,
        host: host.to_owned(),
        port: part(query, "port")?.or(port).unwrap_or(if tls { 8443 } else { 8000 }),
        target,
        headers: headers(query)?,
        sni: query.get("sni").map(str::to_owned),
        source: SocketAddr::new(source.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0),
        others: part(query, "size")?.unwrap_or(OTHERS).min(MOST_OTHERS),
    })
}

fn part<T: std::str::FromStr>(query: &Query, name: &str) -> Result<Option<T>, ApiError> {
    let text = query.get(name);
    text.map(|text| text.parse().map_err(|_| wrong(name, text))).transpose()
}

/// `header=Name: value`, as often as there are headers.
fn headers(query: &Query) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for line in query.all("header") {
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("header", line))?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong("header", line))?;
        let value = HeaderValue::try_from(value.trim()).map_err(|_| wrong("header", line))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn wrong(name: &str, value: &str) -> ApiError {
    ApiError::bad_request(format!("{name}: cannot be read: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_arguments() {
        let text = "method=PUT&url=https://a.com:9000/xy%3Fz=1&header=X-A:+1&header=x-a:2&source=10.0.0.1&sni=s&size=3";
        let question = read(&Query::read(text).unwrap()).unwrap();
        assert_eq!((question.method.as_str(), question.tls), ("PUT", true));
        assert_eq!((question.host.as_str(), question.port), ("a.com", 9000));
        assert_eq!(question.headers.get_all("x-a").iter().count(), 2);
        assert_eq!((question.sni.as_deref(), question.others), (Some("s"), 3));
        assert_eq!(question.source.ip().to_string(), "10.0.0.1");
        let plain = read(&Query::read("host=[::1]&path=/a?b").unwrap()).unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.target.as_str()), ("[::1]", 8000, "/a?b"));
        let stream = read(&Query::read("scheme=tls&host=10.0.0.1&port=9443&sni=a.b").unwrap()).unwrap();
        assert_eq!(
            (stream.stream, stream.port, stream.host.as_str()),
            (Some(Protocol::Tls), 9443, "10.0.0.1")
        );
        for wrong in ["scheme=ftp", "path=a", "host=a:b", "header=x", "method=G%20T", "source=x", "size=x"] {
            assert!(read(&Query::read(wrong).unwrap()).is_err(), "{wrong}");
        }
    }
}
