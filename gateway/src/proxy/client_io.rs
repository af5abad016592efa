//! A client's stream on its way into hyper: every read is looked at, and every wait for a write is watched.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::ReadBufCursor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Client;
use super::strict::Malformed;

/// The most that one read takes where there are many connections, in bytes. hyper doubles its buffer, up to the size
/// of a head, after each read that fills it, and keeps it while it waits for more: one byte less, and no body makes it
/// grow beyond 16 KiB. Large reads halve the cost of a body that comes fast.
const READ_IN_A_CROWD: usize = (16 << 10) - 1;

/// Looks at bytes before hyper does.
pub(super) trait Look {
    /// A read came in.
    ///
    /// # Errors
    ///
    /// If the connection must end over it.
    fn read(&mut self, client: &Client, bytes: &[u8]) -> Result<(), Malformed>;

    /// So many bytes went out.
    fn wrote(&mut self, _bytes: usize) {}
}

/// A socket that tells the deadline what it sees.
pub(super) struct ClientIo<S, L> {
    pub(super) stream: S,
    pub(super) client: Rc<Client>,
    pub(super) look: L,
}

impl<S: AsyncRead + Unpin, L: Look + Unpin> hyper::rt::Read for ClientIo<S, L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // SAFETY: tokio's ReadBuf never un-initialises the bytes that it is given.
        #[expect(
            unsafe_code,
            reason = "hyper's cursor can only be filled this way without copying every byte twice"
        )]
        let mut room = ReadBuf::uninit(unsafe { buffer.as_mut() });
        let most = if this.client.worker.is_crowded() { READ_IN_A_CROWD } else { usize::MAX };
        let mut read = room.take(most);
        std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
        let filled = read.filled();
        let looked = this.look.read(&this.client, filled);
        let length = filled.len();
        // SAFETY: the stream has initialised just these bytes.
        #[expect(unsafe_code, reason = "as above")]
        unsafe {
            buffer.advance(length);
        }
        Poll::Ready(looked.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed)))
    }
}

impl<S, L: Look> ClientIo<S, L> {
    /// A client that takes nothing is late after a while, whatever else is going on.
    fn watch_write(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => self.client.deadline.stall(self.client.worker.settings.client_send_timeout),
            Poll::Ready(written) => {
                self.client.deadline.unstall();
                self.look.wrote(*written.as_ref().unwrap_or(&0));
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin, L: Look + Unpin> hyper::rt::Write for ClientIo<S, L> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.watch_write(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.watch_write(polled)
    }
}
