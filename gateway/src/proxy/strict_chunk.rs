//! Follows a chunked body byte by byte where it must, and by length where it can (RFC 9112 section 7.1).

use super::strict::{Malformed, skip};

/// Bytes of one chunk's extensions, and of all trailers: nobody needs more, and reading them for
/// ever is an attack.
const MAX_EXTENSION: usize = 4 * 1024;
const MAX_TRAILERS: usize = 16 * 1024;

/// Where in a chunked body the stream is.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    size: u64,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    EndLineFeed,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { at: At::Size, size: 0, count: 0 }
    }
}

impl Chunked {
    /// Follows `bytes`; gives what comes after the body, once it has ended.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the body leaves the grammar.
    pub(super) fn follow<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let mut rest = bytes;
        loop {
            rest = self.data(rest);
            let Some((byte, after)) = rest.split_first() else { return Ok(None) };
            rest = after;
            if self.step(*byte)? {
                return Ok(Some(rest));
            }
        }
    }

    /// Skips what belongs to the chunk that the stream is in.
    fn data<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.at != At::Data {
            return bytes;
        }
        let after = skip(&mut self.size, bytes);
        if self.size == 0 {
            self.at = At::DataReturn;
        }
        after
    }

    /// One byte outside of data; true at the end of the body.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.at = match (self.at, byte) {
            (At::Size, _) => return self.size(byte).map(|()| false),
            (At::Extension, b'\r') => At::SizeLineFeed,
            (At::Extension, _) => self.counted(byte, MAX_EXTENSION, At::Extension)?,
            (At::SizeLineFeed, b'\n') if self.size == 0 => self.begin(At::TrailerStart),
            (At::SizeLineFeed, b'\n') => At::Data,
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => self.begin(At::Size),
            (At::TrailerStart, b'\r') => At::EndLineFeed,
            (At::TrailerStart, _) => self.counted(byte, MAX_TRAILERS, At::Trailer)?,
            (At::Trailer, b'\r') => At::TrailerLineFeed,
            (At::Trailer, _) => self.counted(byte, MAX_TRAILERS, At::Trailer)?,
            (At::TrailerLineFeed, b'\n') => At::TrailerStart,
            (At::EndLineFeed, b'\n') => return Ok(true),
            (
                At::SizeLineFeed
                | At::DataReturn
                | At::DataLineFeed
                | At::TrailerLineFeed
                | At::EndLineFeed
                | At::Data,
                _,
            ) => {
                return Err(Malformed::Ambiguous("invalid chunk ending"));
            }
        };
        Ok(false)
    }

    fn begin(&mut self, at: At) -> At {
        (self.size, self.count) = (0, 0);
        at
    }

    /// A digit of the size, or what may follow it.
    fn size(&mut self, byte: u8) -> Result<(), Malformed> {
        let digit = char::from(byte).to_digit(16);
        match (digit, byte) {
            // 15 digits are beyond any body, and cannot overflow.
            (Some(digit), _) if self.count < 15 => {
                self.size = self.size * 16 + u64::from(digit);
                self.count += 1;
            }
            (None, b';') if self.count > 0 => (self.at, self.count) = (At::Extension, 0),
            (None, b'\r') if self.count > 0 => self.at = At::SizeLineFeed,
            (Some(_) | None, _) => return Err(Malformed::Ambiguous("invalid chunk size")),
        }
        Ok(())
    }

    fn counted(&mut self, byte: u8, limit: usize, at: At) -> Result<At, Malformed> {
        self.count += 1;
        if self.count > limit {
            return Err(Malformed::Ambiguous("chunk extension or trailers too long"));
        }
        if byte == b'\n' || byte == 0 || byte == 0x7f {
            return Err(Malformed::Ambiguous("control character in chunk extension or trailers"));
        }
        Ok(at)
    }
}
