//! Tells HTTP/2 by prior knowledge from HTTP/1 (RFC 9113 section 3.3): by the first bytes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

use crate::proxy::connection::Client;
use crate::proxy::early::Early;

/// What a client that knows sends first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of the first reads. Most requests fit.
const FIRST_READ: usize = 1024;

/// Whether the client speaks HTTP/2, and the stream with its first bytes; `None` if it has left, or took
/// too long.
pub(in crate::proxy) async fn by_prior_knowledge<S: AsyncRead + Unpin>(
    client: &Client,
    mut stream: S,
) -> Option<(bool, Early<S>)> {
    let mut early = BytesMut::zeroed(FIRST_READ);
    let mut filled = 0;
    let first = poll_fn(|cx| poll_first(&mut stream, &mut early, &mut filled, cx));
    let is_http2 = client.deadline.bound(first).await??;
    early.truncate(filled);
    Some((is_http2, Early::new(early.freeze(), stream)))
}

fn poll_first<S: AsyncRead + Unpin>(
    stream: &mut S,
    early: &mut [u8],
    filled: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Option<bool>> {
    loop {
        let mut free = ReadBuf::new(early.get_mut(*filled..).unwrap_or_default());
        let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut free));
        let count = free.filled().len();
        if read.is_err() || count == 0 {
            return Poll::Ready(None);
        }
        *filled += count;
        if let Some(is_http2) = judge(early.get(..*filled).unwrap_or_default()) {
            return Poll::Ready(Some(is_http2));
        }
    }
}

/// Whether these are the first bytes of HTTP/2; `None` if they may yet turn out to be.
fn judge(bytes: &[u8]) -> Option<bool> {
    if bytes.len() >= PREFACE.len() {
        return Some(bytes.starts_with(PREFACE));
    }
    if PREFACE.starts_with(bytes) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_decides_and_nothing_shorter() {
        for (case, bytes, want) in [
            ("nothing yet", &b""[..], None),
            ("a method that begins alike", b"PR", None),
            ("another method", b"PROPFIND / HTTP/1.1\r\n", Some(false)),
            ("a usual one", b"G", Some(false)),
            ("all but the last byte", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            ("all of it", PREFACE, Some(true)),
            ("frames behind it", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Some(true)),
            ("another end", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", Some(false)),
        ] {
            assert_eq!(judge(bytes), want, "{case}");
        }
    }
}
