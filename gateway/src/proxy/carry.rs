//! Bytes carried both ways unread, until one side breaks off, both have ended, or both are silent.
//!
//! A side that has said all it has to say is told on to the other, which may go on (a half-close). What
//! waits to be written is bounded by one buffer for each way: a side that does not take its bytes stops the
//! other one from sending more.

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};

use super::deadline::{Deadline, Wait};

/// Bytes of one way: a record of TLS.
const BUFFER: usize = 16 << 10;

/// What was carried.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    /// From the client.
    pub(super) bytes_in: u64,
    /// To the client.
    pub(super) bytes_out: u64,
}

/// Carries bytes until both sides have ended, one breaks off, or both are silent for `idle`. What was carried
/// is known at any time, also to whoever gives up waiting.
pub(super) async fn carry<D, U>(
    downstream: D,
    upstream: &mut U,
    (deadline, idle): (&Deadline, Duration),
    carried: &Cell<Carried>,
) where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    deadline.arm(Wait::Upstream, idle);
    let mut downstream = Watched { stream: downstream, idle, deadline, carried };
    let mut carrying = pin!(copy_bidirectional_with_sizes(&mut downstream, upstream, BUFFER, BUFFER));
    std::future::poll_fn(|cx: &mut Context<'_>| {
        deadline.register(cx);
        let ended = carrying.as_mut().poll(cx).is_ready();
        let over = ended || deadline.upstream_is_late() || deadline.client_is_late();
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The client's side: counts bytes, and gives both sides new time whenever some have passed.
struct Watched<'a, S> {
    stream: S,
    idle: Duration,
    deadline: &'a Deadline,
    carried: &'a Cell<Carried>,
}

impl<S> Watched<'_, S> {
    fn passed(&self, bytes_in: usize, bytes_out: usize) {
        let before = self.carried.get();
        self.carried.set(Carried {
            bytes_in: before.bytes_in + bytes_in as u64,
            bytes_out: before.bytes_out + bytes_out as u64,
        });
        self.deadline.arm(Wait::Upstream, self.idle);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.passed(buffer.filled().len() - before, 0);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.passed(0, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
