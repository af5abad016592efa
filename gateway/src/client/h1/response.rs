//! Reads the head of a response.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::{ParserConfig, Status};
use memchr::memchr;

use crate::client::ExchangeError;

/// Bytes of a response head. nginx, and so Kong, takes far less by default.
const MAX_HEAD: usize = 64 * 1024;
/// Header lines of a response head.
const MAX_FIELDS: usize = 256;
/// Room for the headers that a gateway adds, so that the map does not grow on the way.
const SPARE_FIELDS: usize = 16;

/// The head of a response.
#[derive(Debug)]
pub(super) struct Head {
    /// 100 to 999.
    pub(super) status: StatusCode,
    /// As they came; values share the bytes that were read.
    pub(super) headers: HeaderMap,
    pub(super) minor_version: u8,
}

/// Takes a whole head off the front of `input`; `None` if more has to be read. `scanned` is how much of
/// `input` was looked at before, so that a head that drips in is not read again for each drop.
///
/// # Errors
///
/// [`ExchangeError::Malformed`].
pub(super) fn take(input: &mut BytesMut, scanned: &mut usize) -> Result<Option<Head>, ExchangeError> {
    let Some(end) = head_end(input, scanned) else {
        if input.len() > MAX_HEAD {
            return Err(ExchangeError::Malformed("the head is longer than 64 KiB"));
        }
        return Ok(None);
    };
    if end > MAX_HEAD {
        return Err(ExchangeError::Malformed("the head is longer than 64 KiB"));
    }
    *scanned = 0;
    parse(&input.split_to(end).freeze()).map(Some)
}

/// Where the first empty line ends.
fn head_end(input: &[u8], scanned: &mut usize) -> Option<usize> {
    let mut at = *scanned;
    while let Some(length) = memchr(b'\n', input.get(at..)?) {
        at += length + 1;
        match input.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            // The line feed is looked at again when more has come.
            [] | [b'\r'] => {
                *scanned = at - 1;
                return None;
            }
            [..] => {}
        }
    }
    *scanned = input.len();
    None
}

fn parse(head: &Bytes) -> Result<Head, ExchangeError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut response, head, &mut fields) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Err(ExchangeError::Malformed("the head is incomplete")),
        Err(error) => return Err(ExchangeError::Malformed(name(error))),
    }
    let code = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let mut headers = HeaderMap::with_capacity(response.headers.len() + SPARE_FIELDS);
    for field in &*response.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| ExchangeError::Malformed("invalid header name"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| ExchangeError::Malformed("invalid header value"))?;
        headers.append(name, value);
    }
    Ok(Head {
        status: code.ok_or(ExchangeError::Malformed("invalid status"))?,
        headers,
        minor_version: response.version.unwrap_or(0),
    })
}

fn name(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid header name",
        httparse::Error::HeaderValue => "invalid header value",
        httparse::Error::NewLine => "invalid line ending",
        httparse::Error::Status => "invalid status",
        httparse::Error::Token => "invalid byte in a token",
        httparse::Error::TooManyHeaders => "more than 256 headers",
        httparse::Error::Version => "invalid version",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_taken_however_it_is_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\na: b\r\nA: c\r\n\r\nbody";
        for cut in 1..bytes.len() {
            let (mut input, mut scanned, mut found) = (BytesMut::new(), 0, None);
            for part in bytes.chunks(cut) {
                input.extend_from_slice(part);
                found = found.or_else(|| take(&mut input, &mut scanned).unwrap());
            }
            let head = found.unwrap_or_else(|| panic!("cut at {cut}"));
            assert_eq!(head.status, 200, "cut at {cut}");
            assert_eq!(head.headers.get_all("a").iter().collect::<Vec<_>>(), ["b", "c"], "cut at {cut}");
            assert_eq!(&input[..], b"body", "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MAX_FIELDS + 1));
        for (case, bytes) in [
            ("garbage", "hello\r\n\r\n"),
            ("HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"),
            ("status", "HTTP/1.1 2000 OK\r\n\r\n"),
            ("space before the colon", "HTTP/1.1 200 OK\r\na : b\r\n\r\n"),
            ("folded", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"),
            ("NUL", "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n"),
            ("long", &long),
            ("many", &many),
        ] {
            let taken = take(&mut BytesMut::from(bytes), &mut 0);
            assert!(taken.is_err(), "{case}: {taken:?}");
        }
    }
}
