//! A changed request before it is routed: still one request line and one host.

use http::header::{HOST, HeaderValue};
use http::uri::{Parts, PathAndQuery};
use http::{Method, Uri};

use super::target::{authority, is_part, method};
use crate::exchange::RequestHead;
use crate::plugin_host::bindings::exports::weir::plugin::before_routing::RoutingChange;

/// Puts the checked parts of `said` into `request`, as if the client had asked so.
///
/// # Errors
///
/// What is wrong, for the operator's log; nothing is changed then.
pub(crate) fn routing(said: RoutingChange, request: &mut RequestHead) -> Result<(), String> {
    let RoutingChange { method: new_method, host, path, query } = said;
    let new_method: Option<Method> = new_method.map(|text| method(&text)).transpose()?;
    let host = host.map(authority).transpose()?;
    let value = host.as_deref().map(HeaderValue::from_str).transpose().map_err(|error| error.to_string())?;
    if path.is_some() || query.is_some() || host.is_some() {
        request.uri = changed(&request.uri, host, path.as_deref(), query.as_deref())?;
    }
    if let Some(value) = value {
        request.headers.insert(HOST, value);
    }
    request.method = new_method.unwrap_or_else(|| request.method.clone());
    Ok(())
}

fn changed(uri: &Uri, host: Option<String>, path: Option<&str>, query: Option<&str>) -> Result<Uri, String> {
    if path.is_some_and(|path| !path.starts_with('/') || !is_part(path, b"?#")) {
        return Err("the path does not begin with `/`, or holds what a path cannot hold".into());
    }
    if query.is_some_and(|query| !is_part(query, b"#")) {
        return Err("the query holds what a query cannot hold".into());
    }
    let path = path.unwrap_or(uri.path());
    let target = match query.or(uri.query()) {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        Some(_) | None => path.to_owned(),
    };
    let target = PathAndQuery::try_from(target).map_err(|error| error.to_string())?;
    let mut parts: Parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    // An absolute target has a host of its own, which would win over the header.
    if let (Some(host), true) = (host, parts.authority.is_some()) {
        parts.authority = Some(host.parse().map_err(|_| "a host is not of the form name or name:port")?);
    }
    Uri::from_parts(parts).map_err(|error| error.to_string())
}
