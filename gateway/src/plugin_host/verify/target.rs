//! A changed target: still one request line and one host.

use http::Method;
use http::uri::Authority;

use crate::exchange::{TargetChange, has_dots};
use crate::plugin_host::bindings::exports::weir::plugin::request_head as wit;

/// Bytes of a path or a query.
const MAX_PART: usize = 32 << 10;

/// The change, if every part of it is legal.
///
/// # Errors
///
/// What is wrong, for the operator's log.
pub(crate) fn target(said: wit::TargetChange) -> Result<TargetChange, String> {
    let wit::TargetChange { scheme, host, path, query, method, upstream } = said;
    if scheme.as_deref().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err("the scheme is neither http nor https".into());
    }
    if path.as_deref().is_some_and(|path| !path.starts_with('/') || !is_part(path, b"?#")) {
        return Err("the path does not begin with `/`, or holds what a path cannot hold".into());
    }
    // The upstream would climb out of what the route allows.
    if path.as_deref().is_some_and(has_dots) {
        return Err("the path has a dot segment".into());
    }
    if query.as_deref().is_some_and(|query| !is_part(query, b"#")) {
        return Err("the query holds what a query cannot hold".into());
    }
    let method = method.map(|text| self::method(&text)).transpose()?;
    let (host, upstream) = (host.map(authority).transpose()?, upstream.map(authority).transpose()?);
    Ok(TargetChange { scheme, host, path, query, method, upstream })
}

pub(super) fn method(text: &str) -> Result<Method, String> {
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| "the method is not a token")?;
    if method == Method::CONNECT { Err("the method CONNECT is not allowed".into()) } else { Ok(method) }
}

pub(super) fn authority(text: String) -> Result<String, String> {
    let parsed = text.parse::<Authority>().ok();
    match parsed.filter(|parsed| !parsed.as_str().contains('@') && !parsed.host().is_empty()) {
        Some(_) => Ok(text),
        None => Err("a host is not of the form name or name:port".into()),
    }
}

/// Visible ASCII without the delimiters that would end the part.
pub(super) fn is_part(text: &str, without: &[u8]) -> bool {
    text.len() <= MAX_PART && text.bytes().all(|byte| byte.is_ascii_graphic() && !without.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_one_request_line() {
        let empty = || wit::TargetChange {
            scheme: None,
            host: None,
            path: None,
            query: None,
            method: None,
            upstream: None,
        };
        let path = |path: &str| wit::TargetChange { path: Some(path.into()), ..empty() };
        let host = |host: &str| wit::TargetChange { host: Some(host.into()), ..empty() };
        for (case, change, allowed) in [
            ("path", path("/a/%20b"), true),
            ("path with authority", path("http://other/"), false),
            ("path that climbs", path("/a/../b"), false),
            ("path that climbs in disguise", path("/a/..%2fb"), false),
            ("path like a host", path("//other/"), true),
            ("path with a space", path("/a b"), false),
            ("path with CR LF", path("/a\r\nx: y"), false),
            ("path with a query", path("/a?b"), false),
            ("host with port", host("a.example:8080"), true),
            ("host with userinfo", host("u@a.example"), false),
            ("host with CR LF", host("a\r\nb"), false),
            ("method", wit::TargetChange { method: Some("GE T".into()), ..empty() }, false),
            ("scheme", wit::TargetChange { scheme: Some("ftp".into()), ..empty() }, false),
        ] {
            assert_eq!(target(change).is_ok(), allowed, "{case}");
        }
    }
}
