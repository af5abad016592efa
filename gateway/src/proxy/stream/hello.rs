//! The hello of a TLS client, read as far as the name that it asks for (RFC 8446 section 4.1.2, RFC 6066
//! section 3), and not answered: whoever ends the TLS gets the same bytes.
//!
//! It is read more leniently than by who answers it, since what an upstream understands is its own matter; but
//! what could mean one name here and another there is refused.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// nginx's `preread_buffer_size`. Hellos with the keys of today have some 2 KiB.
pub(super) const MOST_BYTES: usize = 16 << 10;

/// The longest record (RFC 8446 section 5.1).
const LONGEST_RECORD: usize = 1 << 14;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// Why the beginning of a connection is no hello that could be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelloError {
    /// The stream broke off.
    #[error("the stream ends within the TLS hello")]
    Stream(#[from] io::Error),
    /// It begins with something else.
    #[error("the client does not begin with a TLS hello")]
    NotTls,
    /// It breaks its grammar.
    #[error("malformed TLS hello: {0}")]
    Malformed(&'static str),
    /// It does not end.
    #[error("the TLS hello is too long")]
    TooLong,
}

use HelloError::Malformed;

/// A hello that is there as a whole.
#[derive(Debug)]
pub(super) struct Hello {
    /// The name that is asked for, in lower case; `None` if there is none, or an address.
    pub(super) name: Option<Box<str>>,
    /// Everything that was read: the hello, and what may have come behind it.
    pub(super) bytes: Bytes,
}

/// Reads a hello.
///
/// # Errors
///
/// Any [`HelloError`]; then the connection cannot be used.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, HelloError> {
    let mut bytes = BytesMut::with_capacity(2048);
    loop {
        let room = MOST_BYTES.saturating_sub(bytes.len());
        if room == 0 {
            return Err(HelloError::TooLong);
        }
        if stream.read_buf(&mut (&mut bytes).limit(room)).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(name) = server_name(&bytes)? {
            return Ok(Hello { name, bytes: bytes.freeze() });
        }
    }
}

/// The name in the hello that `bytes` begin with; `None` if more of them are needed to tell.
///
/// # Errors
///
/// Any [`HelloError`] but that of the stream.
pub(super) fn server_name(bytes: &[u8]) -> Result<Option<Option<Box<str>>>, HelloError> {
    let Some(message) = message(bytes)? else { return Ok(None) };
    let mut rest = Reader(&message);
    let _version = rest.take(2)?;
    let _random = rest.take(32)?;
    let _session = rest.short_block()?;
    let _ciphers = rest.block()?;
    let _compressions = rest.short_block()?;
    if rest.0.is_empty() {
        // As before TLS 1.2.
        return Ok(Some(None));
    }
    let mut extensions = Reader(rest.block()?);
    rest.end()?;
    let mut found = None;
    while !extensions.0.is_empty() {
        let (kind, content) = (extensions.number()?, extensions.block()?);
        if kind == SERVER_NAME && found.replace(names(content)?).is_some() {
            return Err(Malformed("two lists of names"));
        }
    }
    Ok(Some(found.flatten()))
}

/// The first handshake message, which may come in several records; `None` if it is not there as a whole.
fn message(bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        let other = rest.first().is_some_and(|kind| *kind != HANDSHAKE);
        if other || rest.get(1).is_some_and(|major| *major != 3) {
            return Err(HelloError::NotTls);
        }
        let Some(([_, _, _, high, low], after)) = rest.split_first_chunk::<5>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length == 0 || length > LONGEST_RECORD {
            return Err(Malformed("the length of a record"));
        }
        let (fragment, next) = after.split_at_checked(length).unwrap_or((after, &[]));
        message.extend_from_slice(fragment);
        if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::NotTls);
        }
        if let Some(([_, high, middle, low], body)) = message.split_first_chunk::<4>() {
            let length = u32::from_be_bytes([0, *high, *middle, *low]);
            let length = usize::try_from(length).ok().filter(|length| *length <= MOST_BYTES);
            let length = length.ok_or(HelloError::TooLong)?;
            if let Some(body) = body.get(..length) {
                return Ok(Some(body.to_vec()));
            }
        }
        if fragment.len() < length {
            return Ok(None);
        }
        rest = next;
    }
}

/// The host in a list of names, of which there may be one.
fn names(content: &[u8]) -> Result<Option<Box<str>>, HelloError> {
    let mut whole = Reader(content);
    let mut list = Reader(whole.block()?);
    whole.end()?;
    let mut found = None;
    while !list.0.is_empty() {
        let ([kind], name) = (list.bytes::<1>()?, list.block()?);
        if kind == HOST_NAME && found.replace(name).is_some() {
            return Err(Malformed("two names"));
        }
    }
    let Some(name) = found else { return Ok(None) };
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let name = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| is_part(&byte)));
    // A dot at its end belongs to names of DNS, not to this one (RFC 6066, section 3); many send it.
    let name = name.map(|name| name.strip_suffix('.').unwrap_or(name));
    let name = name.filter(|name| (1..=255).contains(&name.len())).ok_or(Malformed("the name is none"))?;
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    Ok((!is_address).then(|| name.to_ascii_lowercase().into()))
}

/// What is left of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed("a length beyond its end"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], HelloError> {
        self.take(N)?.first_chunk::<N>().copied().ok_or(Malformed("too short"))
    }

    fn number(&mut self) -> Result<u16, HelloError> {
        self.bytes().map(u16::from_be_bytes)
    }

    /// With a length of two bytes before it.
    fn block(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.number()?;
        self.take(length.into())
    }

    /// With a length of one byte before it.
    fn short_block(&mut self) -> Result<&'a [u8], HelloError> {
        let [length] = self.bytes()?;
        self.take(length.into())
    }

    fn end(self) -> Result<(), HelloError> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("bytes behind its end")) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Something with its length in two bytes before it.
    fn block(content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&length[..], content].concat()
    }

    pub(in super::super) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &block(content)].concat()
    }

    pub(in super::super) fn name(name: &[u8]) -> Vec<u8> {
        extension(0, &block(&[&[0][..], &block(name)].concat()))
    }

    /// A hello with these extensions, in records of `size` bytes.
    pub(in super::super) fn hello(extensions: &[u8], size: usize) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([1, 9]);
        body.extend(block(&[0x13, 1]));
        body.extend([1, 0]);
        body.extend(block(extensions));
        let mut message = vec![1];
        message.extend(&u32::try_from(body.len()).expect("short").to_be_bytes()[1..]);
        message.extend(body);
        message.chunks(size).flat_map(|part| [&[22, 3, 1][..], &block(part)].concat()).collect()
    }

    fn found(bytes: &[u8]) -> Result<Option<Option<Box<str>>>, String> {
        server_name(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn the_name_is_found_wherever_it_stands_and_however_it_is_cut() {
        let other = extension(10, &[0, 2, 0, 29]);
        for (case, extensions, want) in [
            ("a name", name(b"a.example.com"), Some("a.example.com")),
            ("in capitals", name(b"A.Example.COM"), Some("a.example.com")),
            ("with the dot of DNS", name(b"a.example.com."), Some("a.example.com")),
            ("behind another extension", [other.clone(), name(b"b.c")].concat(), Some("b.c")),
            ("before another extension", [name(b"b.c"), other.clone()].concat(), Some("b.c")),
            ("with an underscore", name(b"_x.b"), Some("_x.b")),
            ("an address", name(b"192.0.2.1"), None),
            ("none", other, None),
            ("no extensions", Vec::new(), None),
            ("another kind of name", extension(0, &block(&[&[9][..], &block(b"x")].concat())), None),
        ] {
            for size in [1, 7, 1 << 14] {
                let bytes = hello(&extensions, size);
                let name = want.map(Box::from);
                assert_eq!(found(&bytes), Ok(Some(name.clone())), "{case}, in records of {size}");
                let with_more = [&bytes[..], b"more"].concat();
                assert_eq!(found(&with_more), Ok(Some(name)), "{case}, with more behind");
                let early = (0..bytes.len()).find(|end| found(&bytes[..*end]) != Ok(None));
                assert_eq!(early, None, "{case}, cut off");
            }
        }
    }

    #[test]
    fn what_is_no_hello_is_refused_at_its_first_wrong_byte() {
        let two_names = block(&[&[0][..], &block(b"a"), &[0], &block(b"b")].concat());
        let mut beyond = hello(&name(b"a"), 1 << 14);
        let last = beyond.len() - 1;
        beyond[last - 2] = 9;
        let mut too_long = hello(&[], 1 << 14);
        too_long[6] = 1;
        for (case, bytes, want) in [
            ("HTTP", b"GET / HTTP/1.1\r\n".to_vec(), "does not begin"),
            ("a letter", b"S".to_vec(), "does not begin"),
            ("a version of SSL", vec![22, 2], "does not begin"),
            ("an alert", vec![21, 3, 1, 0, 2, 1, 0], "does not begin"),
            ("the hello of a server", vec![22, 3, 1, 0, 4, 2], "does not begin"),
            ("an empty record", vec![22, 3, 1, 0, 0], "the length of a record"),
            ("a record too long", vec![22, 3, 1, 0x40, 1], "the length of a record"),
            ("a message too long", too_long, "too long"),
            ("two names", hello(&extension(0, &two_names), 99), "two names"),
            ("two lists", hello(&[name(b"a"), name(b"b")].concat(), 99), "two lists"),
            ("a length beyond the end", beyond, "beyond its end"),
            ("half an extension", hello(&[0, 0, 0], 99), "beyond its end"),
            ("an empty name", hello(&name(b""), 99), "the name is none"),
            ("a zero byte in it", hello(&name(b"a\0.b"), 99), "the name is none"),
            ("a space in it", hello(&name(b"a b"), 99), "the name is none"),
            ("beyond ASCII", hello(&name("ä".as_bytes()), 99), "the name is none"),
            ("a name too long", hello(&name(&[b'a'; 256]), 999), "the name is none"),
        ] {
            let error = found(&bytes).expect_err(case);
            assert!(error.contains(want), "{case}: {error}");
        }
    }

    #[tokio::test]
    async fn a_hello_that_does_not_end_is_given_up() {
        let padding = extension(21, &[0; 15_000]);
        let whole = hello(&[padding.clone(), name(b"a.b")].concat(), 1 << 14);
        let read_whole = read(&mut whole.as_slice()).await.expect("within the bound");
        assert_eq!((read_whole.name.as_deref(), read_whole.bytes.len()), (Some("a.b"), whole.len()));
        // In records of a byte each, it is six times as long.
        let drawn_out = hello(&[padding, name(b"a.b")].concat(), 1);
        let error = read(&mut drawn_out.as_slice()).await.expect_err("beyond it");
        assert!(matches!(error, HelloError::TooLong), "{error}");
        let error = read(&mut &whole[..100]).await.expect_err("cut off");
        assert!(matches!(error, HelloError::Stream(_)), "{error}");
    }
}
