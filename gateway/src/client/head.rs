//! Writes the head of a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr3;

/// Writes the headers of one request: as lines of HTTP/1.1, or into a map for HTTP/2. What would end a line
/// early is left out, so that a head cannot be split from within.
#[derive(Debug)]
pub struct HeadWriter<'a>(To<'a>);

#[derive(Debug)]
enum To<'a> {
    Lines(&'a mut Vec<u8>),
    Map(&'a mut HeaderMap),
}

impl<'a> HeadWriter<'a> {
    pub(super) fn lines(out: &'a mut Vec<u8>) -> Self {
        Self(To::Lines(out))
    }

    pub(super) fn map(out: &'a mut HeaderMap) -> Self {
        Self(To::Map(out))
    }

    /// One header.
    pub fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.joined(name, &[value]);
    }

    /// One header whose value is made of several parts.
    pub fn joined(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        if parts.iter().any(|part| memchr3(b'\r', b'\n', 0, part).is_some()) {
            return;
        }
        match &mut self.0 {
            To::Lines(out) => {
                out.extend_from_slice(name.as_str().as_bytes());
                out.extend_from_slice(b": ");
                for part in parts {
                    out.extend_from_slice(part);
                }
                out.extend_from_slice(b"\r\n");
            }
            To::Map(out) => {
                out.extend(HeaderValue::from_bytes(&parts.concat()).ok().map(|value| (name.clone(), value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn a_value_cannot_end_its_line() {
        let write = |head: &mut HeadWriter<'_>| {
            head.field(&header::HOST, b"a");
            head.field(&header::VIA, b"a\r\nx: y");
            head.joined(&header::ACCEPT, &[b"b", b", ", b"c"]);
        };
        let mut out = Vec::new();
        write(&mut HeadWriter::lines(&mut out));
        assert_eq!(String::from_utf8_lossy(&out), "host: a\r\naccept: b, c\r\n");
        let mut out = HeaderMap::new();
        write(&mut HeadWriter::map(&mut out));
        assert_eq!(out.len(), 2);
        assert_eq!(out.get(header::ACCEPT).map(HeaderValue::as_bytes), Some(&b"b, c"[..]));
    }
}
