//! Writes the head of a request.

use http::{HeaderName, Method};
use memchr::memchr3;

/// Writes the head of one request, line by line. What would end a line early is left out, so that a
/// head cannot be split from within.
#[derive(Debug)]
pub struct HeadWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> HeadWriter<'a> {
    /// Begins with the request line. `target` is a path with its query, as `http` has parsed it.
    pub(super) fn begin(out: &'a mut Vec<u8>, method: &Method, target: &str) -> Self {
        out.extend_from_slice(method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        Self { out }
    }

    /// One header line.
    pub fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.joined(name, &[value]);
    }

    /// One header line whose value is made of several parts.
    pub fn joined(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        if parts.iter().any(|part| memchr3(b'\r', b'\n', 0, part).is_some()) {
            return;
        }
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        for part in parts {
            self.out.extend_from_slice(part);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// The empty line.
    pub(super) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut out = Vec::new();
        let mut head = HeadWriter::begin(&mut out, &Method::GET, "/a?b");
        head.field(&header::HOST, b"a");
        head.field(&header::VIA, b"a\r\nx: y");
        head.joined(&header::ACCEPT, &[b"b", b", ", b"c"]);
        head.end();
        assert_eq!(String::from_utf8_lossy(&out), "GET /a?b HTTP/1.1\r\nhost: a\r\naccept: b, c\r\n\r\n");
    }
}
