//! A second, strict look at what clients send, before hyper reads it (RFC 9112).
//!
//! hyper forgives some things that another reader may understand differently: bare line feeds, a
//! repeated `Content-Length`, `Content-Length` beside `Transfer-Encoding`, odd chunk sizes. Two
//! readings of one message are what request smuggling is made of, so such messages are refused.
//! This module follows the framing of the byte stream and keeps no bytes of bodies; everything that
//! hyper itself refuses is left to hyper.

use super::strict_chunk::Chunked;
use super::strict_head::{Framing, Head};

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
    head: Head,
    body: Body,
    heads: u64,
    refused: Option<Malformed>,
}

/// What is left of the body that the stream is in.
#[derive(Debug, Default)]
enum Body {
    /// The stream is in a head.
    #[default]
    None,
    Length(u64),
    Chunked(Chunked),
}

impl Strict {
    /// Looks at the bytes of one read, of a connection on which hyper has begun `begun` requests.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a broken chunk: the body that is under way must break off. A broken head, and
    /// a body that breaks before its request has begun, is kept for [`Strict::verdict`], so that the
    /// client can be told.
    pub(super) fn look(&mut self, bytes: &[u8], begun: u64, limits: HeadLimits) -> Result<(), Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() && self.refused.is_none() {
            let followed = match &mut self.body {
                Body::None => self.head(rest, limits),
                Body::Length(_) | Body::Chunked(_) => self.body(rest),
            };
            match followed {
                Ok(after) => rest = after,
                Err(malformed) if begun < self.heads => {
                    self.heads -= 1;
                    self.refused = Some(malformed);
                }
                Err(malformed) => return Err(malformed),
            }
        }
        Ok(())
    }

    /// Whether the `number`th request of the connection (from 0) may be served.
    pub(super) fn verdict(&self, number: u64) -> Result<(), Malformed> {
        match self.refused {
            Some(malformed) if number >= self.heads => Err(malformed),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether nothing has come beyond the `begun` requests that hyper has begun.
    pub(super) fn is_between(&self, begun: u64) -> bool {
        let in_body = !matches!(self.body, Body::None);
        self.heads == begun && self.refused.is_none() && !in_body && self.head.is_untouched()
    }

    /// Follows the head, and gives what comes after it.
    fn head<'a>(&mut self, bytes: &'a [u8], limits: HeadLimits) -> Result<&'a [u8], Malformed> {
        match self.head.follow(bytes, limits) {
            Ok(None) => return Ok(&[]),
            Ok(Some((framing, after))) => {
                self.heads += 1;
                self.body = match framing {
                    Framing::Nothing => Body::None,
                    Framing::Length(length) => Body::Length(length),
                    Framing::Chunked => Body::Chunked(Chunked::default()),
                };
                return Ok(after);
            }
            Err(malformed) => self.refused = Some(malformed),
        }
        Ok(&[])
    }

    /// Follows the body, and gives what comes after it.
    fn body<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (after, ended) = match &mut self.body {
            Body::None => (bytes, true),
            Body::Length(left) => (skip(left, bytes), *left == 0),
            Body::Chunked(chunked) => chunked.follow(bytes)?.map_or((&[][..], false), |after| (after, true)),
        };
        if ended {
            self.body = Body::None;
        }
        Ok(after)
    }
}

/// Skips up to `left` bytes, counts them off, and gives the rest.
pub(super) fn skip<'a>(left: &mut u64, bytes: &'a [u8]) -> &'a [u8] {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= taken as u64;
    bytes.get(taken..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 65_536, line: 100 };

    #[test]
    fn the_verdict_is_about_the_right_request_of_a_pipeline_however_it_is_cut() {
        let pipeline =
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n\
            POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhiGET / HTTP/1.1\r\nhost: a\n\r\n";
        for cut in 1..pipeline.len() {
            let mut strict = Strict::default();
            for part in pipeline.chunks(cut) {
                assert_eq!(strict.look(part, 0, LIMITS), Ok(()), "cut at {cut}");
            }
            assert_eq!(strict.verdict(0), Ok(()), "cut at {cut}");
            assert_eq!(strict.verdict(1), Ok(()), "cut at {cut}");
            assert_eq!(strict.verdict(2), Err(Malformed::Ambiguous("bare line feed")), "cut at {cut}");
        }
    }

    #[test]
    fn between_two_requests_nothing_is_left_to_read() {
        for (case, bytes, begun, want) in [
            ("before the first", "", 0, true),
            ("in a head", "GET / HT", 0, false),
            ("a head that is not begun", "GET / HTTP/1.1\r\n\r\n", 0, false),
            ("behind it", "GET / HTTP/1.1\r\n\r\n", 1, true),
            ("half an empty line behind it", "GET / HTTP/1.1\r\n\r\n\r", 1, false),
            ("the next line behind it", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n", 1, false),
            ("in a body", "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\na", 1, false),
            ("behind it", "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab", 1, true),
        ] {
            let mut strict = Strict::default();
            assert_eq!(strict.look(bytes.as_bytes(), 0, LIMITS), Ok(()), "{case}");
            assert_eq!(strict.is_between(begun), want, "{case}");
        }
    }

    #[test]
    fn a_broken_body_refuses_its_request_or_breaks_it_off_if_it_has_begun() {
        let broken = Malformed::Ambiguous("invalid chunk size");
        let head = "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut strict = Strict::default();
        let together = format!("{head}0x3\r\nabc\r\n");
        assert_eq!(strict.look(together.as_bytes(), 0, LIMITS), Ok(()));
        assert_eq!((strict.verdict(0), strict.verdict(1)), (Ok(()), Err(broken)), "before it has begun");

        let mut strict = Strict::default();
        assert_eq!(strict.look(head.as_bytes(), 0, LIMITS), Ok(()));
        assert_eq!(strict.look(b"0x3\r\n", 2, LIMITS), Err(broken), "under way");
    }
}
