//! Makes of a request over HTTP/2 what the rest of the proxy knows from HTTP/1, and refuses what must not
//! go that way.
//!
//! hyper has checked what RFC 9113 section 8 says of pseudo-header fields, of fields of connections and of
//! names in capitals, and has reset such streams. What is left are messages that are well-formed there and
//! would be read in two ways behind an upstream's HTTP/1 parser.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};

use crate::config::ProxySettings;
use crate::proxy::strict::Malformed;

/// The request in the words of HTTP/1: a target that is a path, a Host, one Cookie. The verdict is on what
/// the client sent.
pub(super) fn translate<B>(
    request: Request<B>,
    settings: &ProxySettings,
) -> (Request<B>, Result<(), Malformed>) {
    let (mut head, body) = request.into_parts();
    let verdict = check(&head, settings);
    let authority = head.uri.authority().filter(|_| verdict.is_ok());
    if let Some(Ok(host)) = authority.map(|authority| HeaderValue::from_str(authority.as_str())) {
        head.headers.insert(header::HOST, host);
    }
    if let Some(target) = head.uri.path_and_query() {
        head.uri = Uri::from(target.clone());
    }
    join_cookies(&mut head.headers);
    (Request::from_parts(head, body), verdict)
}

fn check(head: &Parts, settings: &ProxySettings) -> Result<(), Malformed> {
    if head.headers.len() > settings.client_max_headers {
        return Err(Malformed::LineTooLong);
    }
    check_target(&head.method, &head.uri)?;
    check_host(head)?;
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    let is_length =
        |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    if !lengths.next().is_none_or(is_length) || lengths.next().is_some() {
        return Err(Malformed::Ambiguous("invalid Content-Length"));
    }
    head.headers.iter().try_for_each(|(name, value)| check_field(name, value, settings))
}

/// An origin-form target, or `*` for OPTIONS. `http` lets a path begin with anything; an upstream would read
/// `http://other/` as an absolute form.
fn check_target(method: &Method, uri: &Uri) -> Result<(), Malformed> {
    let Some(target) = uri.path_and_query() else { return Ok(()) };
    let target = target.as_str();
    let is_star = target == "*" && *method == Method::OPTIONS;
    if !(target.starts_with('/') || is_star) {
        return Err(Malformed::Ambiguous("a target that is no path"));
    }
    if !target.is_ascii() {
        return Err(Malformed::Ambiguous("target beyond ASCII"));
    }
    Ok(())
}

/// `:authority` and `Host` must agree (RFC 9113 section 8.3.1): the route is found by one, and an upstream
/// might see the other.
fn check_host(head: &Parts) -> Result<(), Malformed> {
    let Some(authority) = head.uri.authority() else { return Ok(()) };
    let agrees = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    if head.headers.get_all(header::HOST).iter().all(agrees) {
        Ok(())
    } else {
        Err(Malformed::Ambiguous("a Host that is not the authority"))
    }
}

fn check_field(name: &HeaderName, value: &HeaderValue, settings: &ProxySettings) -> Result<(), Malformed> {
    let value = value.as_bytes();
    if name.as_str().len() + value.len() + 2 > settings.client_max_header_line_size {
        return Err(Malformed::LineTooLong);
    }
    // RFC 9113 section 8.2.1.
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_space(value.first()) || is_space(value.last()) {
        return Err(Malformed::Ambiguous("a value within white space"));
    }
    if passes_for_framing(name.as_str()) {
        return Err(Malformed::Ambiguous("a field that passes for one of framing"));
    }
    Ok(())
}

/// Whether a name is one of framing but for the mark between its words; see `strict_head`.
fn passes_for_framing(name: &str) -> bool {
    [("content", "length"), ("transfer", "encoding")].into_iter().any(|(first, second)| {
        let mark = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(second));
        mark.is_some_and(|mark| mark.len() == 1 && mark != "-")
    })
}

/// HTTP/2 may cut a cookie into several fields; HTTP/1 has one (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs = headers.get_all(header::COOKIE);
    if crumbs.iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = crumbs.iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn request(uri: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn a_request_is_put_into_the_words_of_http_1() {
        let settings = load(Sources { file: None, environment: &[] }).expect("defaults").settings.proxy;
        let sent = request("http://a:80/b?c", &[("cookie", "d=1"), ("cookie", "e=2"), ("host", "A:80")]);
        let (got, verdict) = translate(sent, &settings);
        assert_eq!(verdict, Ok(()));
        assert_eq!(got.uri(), "/b?c");
        let values = |name| got.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!((values("cookie"), values("host")), (vec![&b"d=1; e=2"[..]], vec![&b"a:80"[..]]));
    }

    #[test]
    fn a_name_that_passes_for_framing_is_told_from_others() {
        for (name, want) in [
            ("content_length", true),
            ("content.length", true),
            ("transfer_encoding", true),
            ("content-length", false),
            ("content-encoding", false),
            ("content--length", false),
            ("x-content_length", false),
        ] {
            assert_eq!(passes_for_framing(name), want, "{name}");
        }
    }
}
