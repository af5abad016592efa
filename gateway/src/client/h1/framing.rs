//! Where a response body ends (RFC 9112 section 6.3).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::client::ExchangeError;

/// Where a response body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// When the other side closes the connection.
    Close,
}

/// The framing of a response to a request that was a HEAD or was not.
///
/// # Errors
///
/// [`ExchangeError::Malformed`] for a head with two readings.
pub(super) fn of(
    head_request: bool,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Framing, ExchangeError> {
    let chunked = is_chunked(headers)?;
    let length = length(headers)?;
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    match (chunked, length) {
        (Some(_), Some(_)) => Err(ExchangeError::Malformed("both Content-Length and Transfer-Encoding")),
        (_, _) if head_request || bodiless => Ok(Framing::Length(0)),
        (Some(true), None) => Ok(Framing::Chunked),
        (Some(false), None) => Err(ExchangeError::Malformed("Transfer-Encoding other than chunked")),
        (None, Some(length)) => Ok(Framing::Length(length)),
        (None, None) => Ok(Framing::Close),
    }
}

/// Whether the connection may carry another request after this response (RFC 9112 section 9.3).
pub(super) fn persists(minor_version: u8, headers: &HeaderMap) -> bool {
    let says = |token: &[u8]| {
        let values = headers.get_all(header::CONNECTION).iter();
        let mut tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        tokens.any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
    };
    if minor_version == 0 { says(b"keep-alive") } else { !says(b"close") }
}

fn is_chunked(headers: &HeaderMap) -> Result<Option<bool>, ExchangeError> {
    let mut values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ExchangeError::Malformed("more than one Transfer-Encoding"));
    }
    Ok(Some(first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")))
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, ExchangeError> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(ExchangeError::Malformed("Content-Length with two values"));
    }
    decimal(first).map(Some).ok_or(ExchangeError::Malformed("invalid Content-Length"))
}

/// Digits and nothing else: a sign or a list could be read in another way by somebody else.
fn decimal(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_body_has_one_end_or_the_response_is_refused() {
        let length = ("content-length", "3");
        let chunked = ("transfer-encoding", "Chunked");
        for (case, head, status, pairs, want) in [
            ("length", false, 200, vec![length], Some(Framing::Length(3))),
            ("chunked", false, 200, vec![chunked], Some(Framing::Chunked)),
            ("neither", false, 200, vec![], Some(Framing::Close)),
            ("HEAD", true, 200, vec![length], Some(Framing::Length(0))),
            ("HEAD, chunked", true, 200, vec![chunked], Some(Framing::Length(0))),
            ("204", false, 204, vec![], Some(Framing::Length(0))),
            ("304", false, 304, vec![length], Some(Framing::Length(0))),
            ("both", false, 200, vec![length, chunked], None),
            ("same length twice", false, 200, vec![length, length], Some(Framing::Length(3))),
            ("two lengths", false, 200, vec![length, ("content-length", "4")], None),
            ("list of lengths", false, 200, vec![("content-length", "3, 3")], None),
            ("sign", false, 200, vec![("content-length", "+3")], None),
            ("too long a number", false, 200, vec![("content-length", "99999999999999999999")], None),
            ("gzip, chunked", false, 200, vec![("transfer-encoding", "gzip, chunked")], None),
            ("chunked twice", false, 200, vec![chunked, chunked], None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of(head, status, &headers(&pairs)).ok(), want, "{case}");
        }
    }

    #[test]
    fn persistence_follows_version_and_connection() {
        for (case, minor, pairs, want) in [
            ("1.1", 1, vec![], true),
            ("1.1, close", 1, vec![("connection", "x, Close")], false),
            ("1.0", 0, vec![], false),
            ("1.0, keep-alive", 0, vec![("connection", "keep-alive")], true),
        ] {
            assert_eq!(persists(minor, &headers(&pairs)), want, "{case}");
        }
    }
}
