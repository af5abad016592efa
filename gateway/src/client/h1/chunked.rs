//! Reads a chunked response body (RFC 9112 section 7.1), data and trailers.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;

use crate::client::ExchangeError;

/// Bytes of a line that gives a chunk's size, with its extensions.
const MAX_SIZE_LINE: usize = 4 * 1024;
/// Bytes of all trailers.
const MAX_TRAILERS: usize = 16 * 1024;
/// More digits than any body needs, and none that overflow.
const MAX_DIGITS: usize = 15;

/// What comes next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

/// Where in a chunked body the stream is.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    trailers: HeaderMap,
    trailer_bytes: usize,
}

/// What was found in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Bytes of the body, never none.
    Data(Bytes),
    /// The end, with the trailers.
    End(HeaderMap),
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { at: At::Size, trailers: HeaderMap::new(), trailer_bytes: 0 }
    }

    /// Takes the next part off the front of `input`; `None` if more has to be read.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Malformed`] where the body leaves the grammar.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Option<Part>, ExchangeError> {
        loop {
            if let At::Data(left) = self.at {
                return Ok(self.data(left, input));
            }
            let most = match self.at {
                At::Data(_) | At::DataEnd => 2,
                At::Size => MAX_SIZE_LINE,
                At::Trailers => MAX_TRAILERS,
            };
            let Some(line) = line(input, most)? else { return Ok(None) };
            match self.at {
                At::Trailers if line.is_empty() => {
                    return Ok(Some(Part::End(std::mem::take(&mut self.trailers))));
                }
                At::Trailers => self.trailer(&line)?,
                At::Data(_) | At::DataEnd if line.is_empty() => self.at = At::Size,
                At::Data(_) | At::DataEnd => return Err(ExchangeError::Malformed("invalid chunk ending")),
                At::Size => {
                    self.at = Some(size(&line)?).filter(|size| *size > 0).map_or(At::Trailers, At::Data)
                }
            }
        }
    }

    /// What is here of a chunk of which `left` bytes are to come.
    fn data(&mut self, left: u64, input: &mut BytesMut) -> Option<Part> {
        if input.is_empty() {
            return None;
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let left = left - length as u64;
        self.at = if left == 0 { At::DataEnd } else { At::Data(left) };
        Some(Part::Data(input.split_to(length).freeze()))
    }

    fn trailer(&mut self, line: &Bytes) -> Result<(), ExchangeError> {
        self.trailer_bytes += line.len();
        let colon = memchr(b':', line).filter(|_| self.trailer_bytes <= MAX_TRAILERS);
        let colon = colon.ok_or(ExchangeError::Malformed("invalid trailers"))?;
        let (name, value) = (line.slice(..colon), line.slice(colon + 1..));
        let name =
            HeaderName::from_bytes(&name).map_err(|_| ExchangeError::Malformed("invalid trailer name"))?;
        let value = HeaderValue::from_bytes(value.trim_ascii())
            .map_err(|_| ExchangeError::Malformed("invalid trailer value"))?;
        self.trailers.append(name, value);
        Ok(())
    }
}

/// Takes one line off the front, without its CR LF; `None` if it is not whole yet.
fn line(input: &mut BytesMut, most: usize) -> Result<Option<Bytes>, ExchangeError> {
    let Some(end) = memchr(b'\n', input) else {
        return if input.len() > most {
            Err(ExchangeError::Malformed("a line of a chunk is too long"))
        } else {
            Ok(None)
        };
    };
    let line = input.split_to(end + 1).freeze();
    match line.strip_suffix(b"\r\n") {
        Some(text) if text.len() <= most && memchr(b'\r', text).is_none() => Ok(Some(line.slice_ref(text))),
        Some(_) | None => Err(ExchangeError::Malformed("invalid line in a chunked body")),
    }
}

/// The size that a chunk begins with; extensions are passed over.
fn size(line: &[u8]) -> Result<u64, ExchangeError> {
    let digits = memchr(b';', line).map_or(line, |at| line.split_at(at).0);
    let is_number = !digits.is_empty() && digits.len() <= MAX_DIGITS;
    let value = |sum: u64, byte: &u8| Some(sum * 16 + u64::from(char::from(*byte).to_digit(16)?));
    let sum = digits.iter().try_fold(0, value).filter(|_| is_number);
    sum.ok_or(ExchangeError::Malformed("invalid chunk size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], cut: usize) -> Result<(Vec<u8>, HeaderMap, Vec<u8>), ExchangeError> {
        let (mut chunked, mut input, mut data) = (Chunked::new(), BytesMut::new(), Vec::new());
        let mut rest = body;
        loop {
            match chunked.take(&mut input)? {
                Some(Part::Data(bytes)) => data.extend_from_slice(&bytes),
                Some(Part::End(trailers)) => return Ok((data, trailers, [&input[..], rest].concat())),
                None if rest.is_empty() => return Err(ExchangeError::Closed),
                None => {
                    let (part, after) = rest.split_at(cut.min(rest.len()));
                    input.extend_from_slice(part);
                    rest = after;
                }
            }
        }
    }

    #[test]
    fn data_and_trailers_come_through_however_they_are_cut() {
        let body = b"3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\nHTTP/1.1";
        for cut in 1..body.len() {
            let (data, trailers, rest) = read(body, cut).unwrap_or_else(|error| panic!("{cut}: {error}"));
            assert_eq!(data, b"abc0123456789", "cut at {cut}");
            assert_eq!(trailers.get("x-t").map(HeaderValue::as_bytes), Some(&b"1"[..]), "cut at {cut}");
            assert_eq!(rest, b"HTTP/1.1", "cut at {cut}");
        }
    }

    #[test]
    fn what_leaves_the_grammar_is_refused() {
        for (case, body) in [
            ("no digits", &b"\r\nabc\r\n0\r\n\r\n"[..]),
            ("0x", b"0x3\r\nabc\r\n0\r\n\r\n"),
            ("sign", b"+3\r\nabc\r\n0\r\n\r\n"),
            ("space", b"3 \r\nabc\r\n0\r\n\r\n"),
            ("too many digits", b"0000000000000003\r\nabc\r\n0\r\n\r\n"),
            ("bare line feed", b"3\nabc\r\n0\r\n\r\n"),
            ("data too long", b"3\r\nabcd\r\n0\r\n\r\n"),
            ("no colon in a trailer", b"0\r\nabc\r\n\r\n"),
            ("cut off", b"3\r\nab"),
        ] {
            assert!(read(body, 64).is_err(), "{case}");
        }
    }
}
