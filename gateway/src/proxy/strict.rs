//! A second, strict look at what clients send, before hyper reads it (RFC 9112).
//!
//! hyper forgives some things that another reader may understand differently: bare line feeds, a
//! repeated `Content-Length`, `Content-Length` beside `Transfer-Encoding`, odd chunk sizes. Two
//! readings of one message are what request smuggling is made of, so such messages are refused.
//! This module follows the framing of the byte stream and keeps no bytes of bodies; everything that
//! hyper itself refuses is left to hyper.

use memchr::memchr;

use super::strict_chunk::Chunked;

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// It is not HTTP, or could be read in two ways.
    #[error("{0}")]
    Ambiguous(&'static str),
    /// One line of the head is longer than allowed.
    #[error("header line too long")]
    LineTooLong,
}

/// Sizes in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    /// Of the whole head; hyper enforces it, this module only keeps no more than that.
    pub(super) head: usize,
    /// Of one header line. The request line has a limit of its own.
    pub(super) line: usize,
}

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Strict {
    state: State,
    /// The part of a head that came in earlier reads.
    partial: Vec<u8>,
    heads: u64,
    refused: Option<Malformed>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Length(u64),
    Chunked(Chunked),
}

impl Strict {
    /// Looks at the bytes of one read.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a broken chunk: the body that is under way must break off. A broken head is
    /// kept for [`Strict::verdict`], so that the client can be told.
    pub(super) fn look(&mut self, bytes: &[u8], limits: HeadLimits) -> Result<(), Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() && self.refused.is_none() {
            rest = self.follow(rest, limits)?;
        }
        Ok(())
    }

    /// Follows the stream to the end of the head or body that it is in, or of `bytes`.
    fn follow<'a>(&mut self, bytes: &'a [u8], limits: HeadLimits) -> Result<&'a [u8], Malformed> {
        let (after, ended) = match &mut self.state {
            State::Head => return Ok(self.head(bytes, limits)),
            State::Length(left) => (skip(left, bytes), *left == 0),
            State::Chunked(chunked) => chunked.follow(bytes)?.map_or((&[][..], false), |after| (after, true)),
        };
        if ended {
            self.state = State::Head;
        }
        Ok(after)
    }

    /// Whether the `number`th request of the connection (from 0) may be served.
    pub(super) fn verdict(&self, number: u64) -> Result<(), Malformed> {
        match self.refused {
            Some(malformed) if number >= self.heads => Err(malformed),
            Some(_) | None => Ok(()),
        }
    }

    /// Reads on to the end of the head, and gives what comes after it.
    fn head<'a>(&mut self, bytes: &'a [u8], limits: HeadLimits) -> &'a [u8] {
        if self.partial.is_empty() {
            let Some(end) = head_end(bytes) else {
                self.partial.extend_from_slice(bytes);
                return &[];
            };
            let (head, rest) = bytes.split_at(end);
            self.judge(head, limits);
            return rest;
        }
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let Some(end) = head_end(&self.partial) else {
            // hyper refuses a head of this size by itself; there is no need to keep more.
            self.partial.truncate(limits.head);
            return &[];
        };
        let whole = std::mem::take(&mut self.partial);
        self.judge(whole.get(..end).unwrap_or_default(), limits);
        bytes.get(end.saturating_sub(before)..).unwrap_or_default()
    }

    fn judge(&mut self, head: &[u8], limits: HeadLimits) {
        match framing(head, limits.line) {
            Ok(state) => {
                self.heads += 1;
                self.state = state;
            }
            Err(malformed) => self.refused = Some(malformed),
        }
    }
}

/// Skips up to `left` bytes, counts them off, and gives the rest.
pub(super) fn skip<'a>(left: &mut u64, bytes: &'a [u8]) -> &'a [u8] {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= taken as u64;
    bytes.get(taken..).unwrap_or_default()
}

/// Where the first empty line ends, by whatever line ending; empty lines before the request line
/// do not count.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut begun = false;
    while let Some(length) = memchr(b'\n', bytes.get(at..)?) {
        let line = bytes.get(at..at + length)?;
        at += length + 1;
        if !line.is_empty() && line != b"\r" {
            begun = true;
        } else if begun {
            return Some(at);
        }
    }
    None
}

/// What follows this head, if the head has just one reading.
fn framing(head: &[u8], max_line: usize) -> Result<State, Malformed> {
    let mut is_request_line = true;
    let mut length = None;
    let mut chunked = false;
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let Some(line) = line.strip_suffix(b"\r") else { return Err(Malformed::Ambiguous("bare line feed")) };
        if memchr(b'\r', line).is_some() {
            return Err(Malformed::Ambiguous("bare carriage return"));
        }
        if line.len() > max_line && !is_request_line {
            return Err(Malformed::LineTooLong);
        }
        is_request_line &= line.is_empty();
        if let Some(value) = field(line, b"content-length") {
            if length.replace(decimal(value)?).is_some() {
                return Err(Malformed::Ambiguous("more than one Content-Length"));
            }
        } else if let Some(value) = field(line, b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Ambiguous("Transfer-Encoding other than chunked"));
            }
            chunked = true;
        }
    }
    match (chunked, length) {
        (true, Some(_)) => Err(Malformed::Ambiguous("both Content-Length and Transfer-Encoding")),
        (true, None) => Ok(State::Chunked(Chunked::default())),
        (false, Some(0) | None) => Ok(State::Head),
        (false, Some(length)) => Ok(State::Length(length)),
    }
}

/// The value of a header line, if it has this name.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
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

    fn verdict(bytes: &str) -> Result<(), String> {
        let mut strict = Strict::default();
        let followed = strict.look(bytes.as_bytes(), LIMITS);
        followed.and_then(|()| strict.verdict(0)).map_err(|malformed| malformed.to_string())
    }

    #[test]
    fn a_head_with_two_readings_is_refused() {
        for (case, head, want) in [
            ("plain", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", Ok(())),
            ("an empty line before it", "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", Ok(())),
            ("length", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Ok(())),
            ("chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Ok(())),
            ("bare LF", "GET / HTTP/1.1\nhost: a\r\n\r\n", Err("bare line feed")),
            ("bare LF at the end", "GET / HTTP/1.1\r\nhost: a\r\n\n", Err("bare line feed")),
            (
                "long line",
                &format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100)),
                Err("header line too long"),
            ),
            ("long request line", &format!("GET /{} HTTP/1.1\r\nx: y\r\n\r\n", "y".repeat(100)), Ok(())),
            ("bare CR", "GET / HTTP/1.1\r\nx: a\rb\r\n\r\n", Err("bare carriage return")),
            (
                "same length twice",
                "POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
                Err("more than one Content-Length"),
            ),
            (
                "list of lengths",
                "POST / HTTP/1.1\r\ncontent-length: 3, 3\r\n\r\nabc",
                Err("invalid Content-Length"),
            ),
            ("sign", "POST / HTTP/1.1\r\ncontent-length: +3\r\n\r\nabc", Err("invalid Content-Length")),
            (
                "both",
                "POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                Err("both Content-Length and Transfer-Encoding"),
            ),
            (
                "gzip, chunked",
                "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                Err("Transfer-Encoding other than chunked"),
            ),
            (
                "chunk size",
                "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n",
                Err("invalid chunk size"),
            ),
        ] {
            assert_eq!(verdict(head), want.map_err(str::to_owned), "{case}");
        }
    }

    #[test]
    fn the_verdict_is_about_the_right_request_of_a_pipeline_however_it_is_cut() {
        let pipeline =
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n\
            POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhiGET / HTTP/1.1\r\nhost: a\n\r\n";
        for cut in 1..pipeline.len() {
            let mut strict = Strict::default();
            for part in pipeline.chunks(cut) {
                assert_eq!(strict.look(part, LIMITS), Ok(()), "cut at {cut}");
            }
            assert_eq!(strict.verdict(0), Ok(()), "cut at {cut}");
            assert_eq!(strict.verdict(1), Ok(()), "cut at {cut}");
            assert_eq!(strict.verdict(2), Err(Malformed::Ambiguous("bare line feed")), "cut at {cut}");
        }
    }
}
