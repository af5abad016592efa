//! Follows a chunked body byte by byte where it must, and by length where it can (RFC 9112 section 7.1).
//!
//! It keeps nothing of the body, and does not say which trailers may pass: that is the proxy's matter.

use super::strict::{Malformed, skip};

/// Bytes of one chunk's extensions, of those of all chunks, and of all trailers: nobody needs more,
/// and reading them for ever is an attack.
const MAX_EXTENSION: usize = 4 * 1024;
const MAX_EXTENSIONS: usize = 16 * 1024;
const MAX_TRAILERS: usize = 16 * 1024;

/// Where in a chunked body the stream is.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    /// Of the chunk, still to come.
    size: u64,
    /// Bytes of the part that is bounded.
    count: usize,
    /// Bytes of all extensions so far.
    extensions: usize,
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
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { at: At::Size, size: 0, count: 0, extensions: 0 }
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
            (At::Extension, _) => self.extension(byte)?,
            (At::SizeLineFeed, b'\n') if self.size == 0 => self.begin(At::TrailerStart),
            (At::SizeLineFeed, b'\n') => At::Data,
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => self.begin(At::Size),
            (At::TrailerStart, b'\r') => At::EndLineFeed,
            (At::TrailerName, b':') => self.counted(MAX_TRAILERS, At::TrailerValue)?,
            // A name has at least one character, and white space before it would continue the line before.
            (At::TrailerStart | At::TrailerName, _) if is_token(byte) => {
                self.counted(MAX_TRAILERS, At::TrailerName)?
            }
            (At::TrailerStart | At::TrailerName, _) => {
                return Err(Malformed::Ambiguous("invalid trailer name"));
            }
            (At::TrailerValue, b'\r') => At::TrailerLineFeed,
            (At::TrailerValue, _) => {
                check_text(byte)?;
                self.counted(MAX_TRAILERS, At::TrailerValue)?
            }
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

    fn extension(&mut self, byte: u8) -> Result<At, Malformed> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSIONS {
            return Err(TOO_LONG);
        }
        check_text(byte)?;
        self.counted(MAX_EXTENSION, At::Extension)
    }

    fn counted(&mut self, limit: usize, at: At) -> Result<At, Malformed> {
        self.count += 1;
        if self.count > limit { Err(TOO_LONG) } else { Ok(at) }
    }
}

/// Of control characters only the tab may stand in a value (RFC 9110 section 5.5).
fn check_text(byte: u8) -> Result<(), Malformed> {
    if byte.is_ascii_control() && byte != b'\t' {
        return Err(Malformed::Ambiguous("control character in chunk extension or trailers"));
    }
    Ok(())
}

const TOO_LONG: Malformed = Malformed::Ambiguous("chunk extension or trailers too long");

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a body that is cut into pieces of `size` bytes; `Ok(true)` at its end.
    fn read(body: &[u8], size: usize) -> Result<bool, String> {
        let mut chunked = Chunked::default();
        for piece in body.chunks(size) {
            match chunked.follow(piece) {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(true),
                Err(malformed) => return Err(malformed.to_string()),
            }
        }
        Ok(false)
    }

    #[test]
    fn a_chunked_body_has_one_reading_or_none_however_it_is_cut() {
        let size = "invalid chunk size";
        let ending = "invalid chunk ending";
        let control = "control character in chunk extension or trailers";
        let name = "invalid trailer name";
        for (case, body, want) in [
            ("plain", "3\r\nabc\r\n0\r\n\r\n", Ok(true)),
            ("open", "3\r\nabc\r\n0\r\n", Ok(false)),
            ("hexadecimal", "A\r\n0123456789\r\n0\r\n\r\n", Ok(true)),
            ("extensions", "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n", Ok(true)),
            ("trailers", "0\r\nx-a: 1\tb\r\nx-b:\r\n\r\n", Ok(true)),
            ("prefix", "0x3\r\nabc\r\n0\r\n\r\n", Err(size)),
            ("sign", "+3\r\nabc\r\n0\r\n\r\n", Err(size)),
            ("nothing", "\r\nabc\r\n0\r\n\r\n", Err(size)),
            ("space after the size", "3 \r\nabc\r\n0\r\n\r\n", Err(size)),
            ("sixteen digits", "0000000000000003\r\nabc\r\n0\r\n\r\n", Err(size)),
            ("LF after the size", "3\nabc\r\n0\r\n\r\n", Err(size)),
            ("LF after data", "3\r\nabc\n0\r\n\r\n", Err(ending)),
            ("data too long", "3\r\nabcd\r\n0\r\n\r\n", Err(ending)),
            ("LF at the end", "0\r\n\n", Err(name)),
            ("CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", Err(ending)),
            ("LF in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n", Err(control)),
            ("escape in an extension", "3;a\u{1b}\r\nabc\r\n0\r\n\r\n", Err(control)),
            ("trailer without a colon", "0\r\nxa\r\n\r\n", Err(name)),
            ("trailer without a name", "0\r\n: a\r\n\r\n", Err(name)),
            ("space before the colon", "0\r\nxa : 1\r\n\r\n", Err(name)),
            ("folded trailer", "0\r\nxa: 1\r\n b\r\n\r\n", Err(name)),
            ("NUL in a trailer", "0\r\nxa: \0\r\n\r\n", Err(control)),
            ("bare LF in a trailer", "0\r\nxa: 1\nxb: 2\r\n\r\n", Err(control)),
            ("bare CR in a trailer", "0\r\nxa: 1\rb\r\n\r\n", Err(ending)),
        ] {
            for size in 1..=body.len() {
                let got = read(body.as_bytes(), size);
                assert_eq!(got, want.map_err(str::to_owned), "{case}, in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_has_no_use_has_an_end() {
        let too_long = Err(TOO_LONG.to_string());
        let trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(5000));
        assert_eq!(read(trailers.as_bytes(), 4096), too_long, "trailers");
        let extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(5000));
        assert_eq!(read(extension.as_bytes(), 4096), too_long, "one extension");
        let chunk = format!("1;{}\r\nx\r\n", "a".repeat(30));
        let few = format!("{}0\r\n\r\n", chunk.repeat(300));
        assert_eq!(read(few.as_bytes(), 4096), Ok(true), "many small ones");
        let many = format!("{}0\r\n\r\n", chunk.repeat(600));
        assert_eq!(read(many.as_bytes(), 4096), too_long, "too many small ones");
    }
}
