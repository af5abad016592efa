//! A connection that client and upstream have agreed to speak another protocol on, such as WebSocket.
//!
//! The upstream must have agreed (101) to what the client asked for in this very request; then bytes go
//! both ways unread until one side ends or both are silent for the service's `read_timeout`. It counts as
//! a connection, so that a drain waits for it within the grace period.
//!
//! Not passed on: HTTP itself in another version, and TLS. Requests inside such a tunnel would meet neither
//! routes nor plugins.

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{self, HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

use super::ResponseBody;
use super::connection::Client;
use super::deadline::Wait;
use super::finish::Ending;
use super::forward::Answered;
use super::headers;
use crate::client::Upgraded;

/// An upstream that has agreed, and the exchange in which it did.
pub(super) struct Tunnel {
    upstream: Upgraded,
    idle: Duration,
    ending: Ending,
}

/// Keeps the upstream's connection until the client has its 101, whose head is completed here. The
/// exchange ends with the tunnel.
pub(super) fn promise(mut ending: Ending, answered: Answered, head: &mut HeaderMap) -> ResponseBody {
    let protocol = ending.exchange().and_then(|exchange| headers::upgrade(exchange).cloned());
    if let (Some(protocol), Some((connection, idle))) = (protocol, answered.body.into_connection()) {
        head.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.insert(header::UPGRADE, protocol);
        let client = Rc::clone(&ending.client);
        client.tunnel.replace(Some(Tunnel { upstream: connection.into_upgraded(), idle, ending }));
    }
    ResponseBody::none()
}

impl Tunnel {
    /// Carries bytes both ways; `early` were read from the client already.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, early: Bytes) {
        let Self { mut upstream, idle, mut ending } = self;
        let client = Rc::clone(&ending.client);
        client.deadline.arm(Wait::Upstream, idle);
        let mut downstream =
            Watched { stream, early, idle, client: Rc::clone(&client), counted: Cell::new((0, 0)) };
        carry(&mut downstream, &mut upstream, &client).await;
        let (bytes_in, bytes_out) = downstream.counted.get();
        if let Some(exchange) = ending.exchange() {
            exchange.bytes_in += bytes_in;
            exchange.bytes_out += bytes_out;
        }
    }
}

/// Carries bytes until one side has ended or both are silent. How a tunnel ends is the business of its
/// two ends.
async fn carry<S>(downstream: &mut Watched<S>, upstream: &mut Upgraded, client: &Client)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut carried = pin!(copy_bidirectional(downstream, upstream));
    let deadline = &client.deadline;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        deadline.register(cx);
        let ended = carried.as_mut().poll(cx).is_ready();
        let over = ended || deadline.upstream_is_late() || deadline.client_is_late();
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The client's side: counts bytes, and gives the tunnel new time whenever some have passed.
struct Watched<S> {
    stream: S,
    early: Bytes,
    idle: Duration,
    client: Rc<Client>,
    /// From the client, and to it.
    counted: Cell<(u64, u64)>,
}

impl<S> Watched<S> {
    fn passed(&self, bytes_in: usize, bytes_out: usize) {
        let (read, written) = self.counted.get();
        self.counted.set((read + bytes_in as u64, written + bytes_out as u64));
        self.client.deadline.arm(Wait::Upstream, self.idle);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.early.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        } else {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(self.early.get(..length).unwrap_or_default());
            self.early.advance(length);
        }
        self.passed(buffer.filled().len() - before, 0);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
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
