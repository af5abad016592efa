//! The head of a request, followed line by line as its bytes come in (RFC 9112 sections 2 to 6).
//!
//! One pass, and no copy of a head that comes in one read. It decides only what two readers could
//! understand differently: line endings, the target, the framing. Field names and values, methods and
//! versions are hyper's to refuse, the meaning of fields is the proxy's.

use memchr::memchr2;

use super::strict::{HeadLimits, Malformed};

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The next head.
    Nothing,
    /// That many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// How far a head has come.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The beginning of a line whose end is still to come.
    partial: Vec<u8>,
    /// Whether the request line has been seen.
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

/// The next line and what comes after it.
enum Cut<'a> {
    Line(&'a [u8], &'a [u8]),
    /// The end of the line is not in these bytes.
    Open,
}

impl Head {
    /// Whether nothing of a head has come.
    pub(super) fn is_untouched(&self) -> bool {
        !self.begun && self.partial.is_empty()
    }

    /// Follows `bytes`; at the end of the head gives what follows it, and the rest of the bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the head has more than one reading.
    pub(super) fn follow<'a>(
        &mut self,
        bytes: &'a [u8],
        limits: HeadLimits,
    ) -> Result<Option<(Framing, &'a [u8])>, Malformed> {
        let mut rest = bytes;
        if !self.partial.is_empty() {
            let (taken, ended) = self.complete(rest)?;
            if !ended {
                // hyper refuses a head of this size by itself; there is no need to keep more.
                self.partial.truncate(limits.head);
                return Ok(None);
            }
            rest = rest.get(taken..).unwrap_or_default();
            let line = std::mem::take(&mut self.partial);
            if self.line(line.strip_suffix(b"\r").unwrap_or(&line), limits)? {
                return Ok(Some((self.end()?, rest)));
            }
        }
        while let Cut::Line(line, after) = cut(rest)? {
            rest = after;
            if self.line(line, limits)? {
                return Ok(Some((self.end()?, rest)));
            }
        }
        self.partial.extend_from_slice(rest);
        Ok(None)
    }

    /// Adds to the line that is open. Tells how many bytes belonged to it, and whether it has ended.
    fn complete(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        if self.partial.last() == Some(&b'\r') {
            return match bytes.first() {
                Some(b'\n') => Ok((1, true)),
                Some(_) => Err(BARE_RETURN),
                None => Ok((0, false)),
            };
        }
        match cut(bytes)? {
            Cut::Open => {
                self.partial.extend_from_slice(bytes);
                Ok((bytes.len(), false))
            }
            Cut::Line(line, after) => {
                self.partial.extend_from_slice(line);
                Ok((bytes.len() - after.len(), true))
            }
        }
    }

    /// Takes one line in; true for the empty one that ends the head.
    fn line(&mut self, line: &[u8], limits: HeadLimits) -> Result<bool, Malformed> {
        if line.is_empty() {
            // Empty lines before the request line are no end (RFC 9112 section 2.2).
            return Ok(self.begun);
        }
        if !self.begun {
            self.begun = true;
            return check_target(line).map(|()| false);
        }
        if line.len() > limits.line {
            return Err(Malformed::LineTooLong);
        }
        match line.first() {
            Some(b'C' | b'c') => self.content_length(line)?,
            Some(b'T' | b't') => self.transfer_encoding(line)?,
            Some(_) | None => {}
        }
        Ok(false)
    }

    fn content_length(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let Some(value) = field(line, b"content", b"length")? else { return Ok(()) };
        if self.length.replace(decimal(value)?).is_some() {
            return Err(Malformed::Ambiguous("more than one Content-Length"));
        }
        Ok(())
    }

    fn transfer_encoding(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let Some(value) = field(line, b"transfer", b"encoding")? else { return Ok(()) };
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Malformed::Ambiguous("Transfer-Encoding other than chunked"));
        }
        self.chunked = true;
        Ok(())
    }

    /// What follows the head; the next head begins anew.
    fn end(&mut self) -> Result<Framing, Malformed> {
        let Self { length, chunked, .. } = std::mem::take(self);
        match (chunked, length) {
            (true, Some(_)) => Err(Malformed::Ambiguous("both Content-Length and Transfer-Encoding")),
            (true, None) => Ok(Framing::Chunked),
            (false, Some(0) | None) => Ok(Framing::Nothing),
            (false, Some(length)) => Ok(Framing::Length(length)),
        }
    }
}

const BARE_RETURN: Malformed = Malformed::Ambiguous("bare carriage return");

/// Cuts one line off. Only CR LF ends a line: a reader that takes less would see other lines.
fn cut(bytes: &[u8]) -> Result<Cut<'_>, Malformed> {
    let Some(end) = memchr2(b'\r', b'\n', bytes) else { return Ok(Cut::Open) };
    let (line, ending) = bytes.split_at(end);
    match ending {
        [b'\r', b'\n', after @ ..] => Ok(Cut::Line(line, after)),
        [b'\r'] => Ok(Cut::Open),
        [b'\r', ..] => Err(BARE_RETURN),
        _ => Err(Malformed::Ambiguous("bare line feed")),
    }
}

/// A target is visible ASCII, and a fragment never travels (RFC 9112 section 3.2, RFC 3986).
fn check_target(line: &[u8]) -> Result<(), Malformed> {
    let target = line.iter().skip_while(|byte| **byte != b' ');
    for byte in target {
        match byte {
            b'#' => return Err(Malformed::Ambiguous("fragment in the target")),
            0x80.. => return Err(Malformed::Ambiguous("target beyond ASCII")),
            _ => {}
        }
    }
    Ok(())
}

/// The value of a header line, if its name is these two words.
///
/// With another mark than `-` between the words it is another field, yet servers that hand fields to
/// programs as variables (RFC 3875 section 4.1.18) make one name of both; so it is refused.
fn field<'a>(line: &'a [u8], first: &[u8], second: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let parts = line.split_at_checked(first.len()).and_then(|(start, rest)| {
        let (mark, rest) = rest.split_first()?;
        let (end, rest) = rest.split_at_checked(second.len())?;
        Some((start, *mark, end, rest.strip_prefix(b":")?))
    });
    match parts {
        Some((start, mark, end, value))
            if start.eq_ignore_ascii_case(first) && end.eq_ignore_ascii_case(second) =>
        {
            if mark == b'-' {
                return Ok(Some(trim(value)));
            }
            Err(Malformed::Ambiguous("a field that passes for one of framing"))
        }
        Some(_) | None => Ok(None),
    }
}

/// Without the white space that may surround a value: spaces and tabs only.
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

fn decimal(value: &[u8]) -> Result<u64, Malformed> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or(Malformed::Ambiguous("invalid Content-Length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 65_536, line: 100 };

    /// Follows a head that is cut into pieces of `size` bytes.
    fn read(head: &[u8], size: usize) -> Result<Option<Framing>, String> {
        let mut reader = Head::default();
        for piece in head.chunks(size) {
            match reader.follow(piece, LIMITS) {
                Ok(None) => {}
                Ok(Some((framing, _))) => return Ok(Some(framing)),
                Err(malformed) => return Err(malformed.to_string()),
            }
        }
        Ok(None)
    }

    type Case<'a> = (&'a str, &'a str, Result<Option<Framing>, &'a str>);

    const NOTHING: Result<Option<Framing>, &str> = Ok(Some(Framing::Nothing));

    /// The same comes out however the head is cut.
    fn check(cases: &[Case<'_>]) {
        for (case, head, want) in cases {
            for size in 1..=head.len() {
                let got = read(head.as_bytes(), size);
                assert_eq!(got, want.map_err(str::to_owned), "{case}, in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_head_has_one_framing_or_none() {
        let zeros = format!("POST / HTTP/1.1\r\nContent-Length: {}3\r\n\r\n", "0".repeat(50));
        check(&[
            ("plain", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", NOTHING),
            ("an empty line before it", "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", NOTHING),
            ("no end", "GET / HTTP/1.1\r\nhost: a\r\n", Ok(None)),
            ("only empty lines", "\r\n\r\n\r\n", Ok(None)),
            ("length", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", Ok(Some(Framing::Length(3)))),
            ("zeros", &zeros, Ok(Some(Framing::Length(3)))),
            ("no length", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", NOTHING),
            ("tabs", "POST / HTTP/1.1\r\nContent-Length:\t3\t\r\n\r\n", Ok(Some(Framing::Length(3)))),
            ("chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", Ok(Some(Framing::Chunked))),
            ("other names", "GET / HTTP/1.1\r\ncontent-lengths: x\r\nte: trailers\r\n\r\n", NOTHING),
            (
                "same length twice",
                "POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n",
                Err("more than one Content-Length"),
            ),
            ("list", "POST / HTTP/1.1\r\ncontent-length: 3, 3\r\n\r\n", Err("invalid Content-Length")),
            ("sign", "POST / HTTP/1.1\r\ncontent-length: +3\r\n\r\n", Err("invalid Content-Length")),
            ("form feed", "POST / HTTP/1.1\r\ncontent-length: \x0c3\r\n\r\n", Err("invalid Content-Length")),
            ("empty", "POST / HTTP/1.1\r\ncontent-length:\r\n\r\n", Err("invalid Content-Length")),
            (
                "beyond 64 bits",
                "POST / HTTP/1.1\r\ncontent-length: 18446744073709551619\r\n\r\n",
                Err("invalid Content-Length"),
            ),
            (
                "both",
                "POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
                Err("both Content-Length and Transfer-Encoding"),
            ),
            (
                "gzip, chunked",
                "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
                Err("Transfer-Encoding other than chunked"),
            ),
            (
                "underscore",
                "POST / HTTP/1.1\r\nContent_Length: 3\r\n\r\n",
                Err("a field that passes for one of framing"),
            ),
            (
                "dot",
                "POST / HTTP/1.1\r\ntransfer.encoding: chunked\r\n\r\n",
                Err("a field that passes for one of framing"),
            ),
        ]);
    }

    #[test]
    fn a_line_has_one_end_and_one_length() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100));
        let long_target = format!("GET /{} HTTP/1.1\r\nx: y\r\n\r\n", "y".repeat(100));
        check(&[
            ("bare LF", "GET / HTTP/1.1\nhost: a\r\n\r\n", Err("bare line feed")),
            ("bare LF at the end", "GET / HTTP/1.1\r\nhost: a\r\n\n", Err("bare line feed")),
            ("bare CR", "GET / HTTP/1.1\r\nx: a\rb\r\n\r\n", Err("bare carriage return")),
            ("CR CR LF", "GET / HTTP/1.1\r\r\nx: a\r\n\r\n", Err("bare carriage return")),
            ("long line", &long, Err("header line too long")),
            ("long request line", &long_target, NOTHING),
            ("fragment", "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", Err("fragment in the target")),
            ("number sign in a method", "G#T /a HTTP/1.1\r\nhost: a\r\n\r\n", NOTHING),
            ("UTF-8", "GET /\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n", Err("target beyond ASCII")),
            ("UTF-8 in a value", "GET / HTTP/1.1\r\nx: \u{e9}\r\n\r\n", NOTHING),
        ]);
    }

    #[test]
    fn a_head_that_comes_at_once_is_not_copied() {
        let mut head = Head::default();
        assert!(head.follow(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", LIMITS).is_ok_and(|end| end.is_some()));
        assert_eq!(head.partial.capacity(), 0);
    }
}
