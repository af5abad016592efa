//! A client that says nothing is waited for by its socket alone.
//!
//! hyper keeps two buffers of 8 KiB and the room for a request for as long as it has a connection. A connection that is
//! idle needs none of them, and most connections are.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;

use super::early::Early;
use crate::tls::ServerStream;

/// Between two looks at whether a client is still there.
const LOOK: Duration = Duration::from_millis(100);

/// A stream that goes over a socket.
pub(super) trait OverSocket: AsyncRead + AsyncWrite + Unpin {
    /// The socket.
    fn socket(&self) -> &TcpStream;

    /// Whether there is something to read that the socket no longer has.
    fn holds_more(&self) -> bool {
        false
    }
}

impl OverSocket for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl<S: OverSocket> OverSocket for ServerStream<S> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0.socket()
    }

    fn holds_more(&self) -> bool {
        let (stream, session) = self.get_ref();
        // It wants none as long as it has some that nobody has taken.
        stream.holds_more() || !session.wants_read()
    }
}

impl<S: OverSocket> OverSocket for Early<S> {
    fn socket(&self) -> &TcpStream {
        self.stream().socket()
    }

    fn holds_more(&self) -> bool {
        !self.is_spent() || self.stream().holds_more()
    }
}

/// Ready when there may be something to read, or the client has left; until then what was written goes on its way.
pub(super) fn poll_awake<S: OverSocket>(stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
    // An error is there to be read, too.
    _ = Pin::new(&mut *stream).poll_flush(cx);
    if !stream.holds_more() {
        _ = ready!(stream.socket().poll_read_ready(cx));
    }
    Poll::Ready(())
}

/// Waits until the client has left: it has reset the connection, or said all that it has to say `patience` ago. One that
/// only has no more to say may still listen, and cannot be told from one that does not.
pub(super) async fn left(socket: &TcpStream, patience: Duration) {
    let mut listened = Duration::ZERO;
    while listened < patience {
        tokio::time::sleep(LOOK).await;
        let ready = pin!(socket.ready(Interest::READABLE | Interest::ERROR));
        let Poll::Ready(Ok(ready)) = ready.poll(&mut Context::from_waker(Waker::noop())) else { continue };
        if ready.is_error() {
            return;
        }
        if ready.is_read_closed() {
            listened += LOOK;
        }
    }
}
