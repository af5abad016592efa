//! One connection that carries many streams.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::time::Instant;

use super::Exchange;
use crate::client::ExchangeError;
use crate::client::stream::Stream;

/// Streams of one connection at once, if the upstream allows as many; nginx serves 128 by default.
const STREAMS: usize = 128;
/// Bytes of one stream that may be on their way.
const STREAM_WINDOW: u32 = 128 * 1024;
/// Bytes of all streams: as many as they may have, so that a client that does not read holds up nobody else.
const WINDOW: u32 = STREAM_WINDOW * 128;
/// Bytes of a response head, as for HTTP/1.1.
const MAX_HEAD: u32 = 64 * 1024;

/// One connection that carries many streams. While there is a link it stays open; without one it ends with
/// its last stream.
pub(in crate::client) struct Link {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    address: SocketAddr,
    is_encrypted: bool,
    idle_since: Instant,
}

#[derive(Default)]
struct State {
    streams: AtomicUsize,
    requests: AtomicU64,
    ended: AtomicBool,
}

/// The place of one stream among those of its connection; free again when dropped.
pub(super) struct Place(Arc<State>);

impl Link {
    /// Begins to speak HTTP/2 on a new connection. The future moves its frames until it ends.
    pub(in crate::client) async fn open(
        stream: Stream,
        address: SocketAddr,
    ) -> Result<(Self, impl Future<Output = ()>), ExchangeError> {
        let is_encrypted = stream.is_encrypted();
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(MAX_HEAD)
            .max_send_buffer_size(STREAM_WINDOW as usize);
        let (send, connection) = builder.handshake(stream).await?;
        let state = Arc::new(State::default());
        let ended = Arc::clone(&state);
        let frames = async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, error = &error as &dyn std::error::Error, "an HTTP/2 connection failed");
            }
            ended.ended.store(true, Ordering::Relaxed);
        };
        Ok((Self { send, state, address, is_encrypted, idle_since: Instant::now() }, frames))
    }

    /// Where it goes.
    pub(in crate::client) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it can carry more: the upstream has not said that it goes away, and it is not worn out.
    pub(in crate::client) fn is_usable(&mut self, max_requests: Option<u64>) -> bool {
        let worn_out = max_requests.is_some_and(|most| self.state.requests() >= most);
        let mut context = Context::from_waker(Waker::noop());
        let failed = matches!(self.send.poll_ready(&mut context), Poll::Ready(Err(_)));
        !worn_out && !failed && !self.state.ended.load(Ordering::Relaxed)
    }

    /// A stream, unless there are as many as may be.
    pub(in crate::client) fn exchange<B>(&self) -> Option<Exchange<B>> {
        let most = self.send.current_max_send_streams().min(STREAMS);
        (self.state.streams() < most).then(|| self.first_exchange())
    }

    /// A stream, whatever the upstream has said so far of how many there may be.
    pub(in crate::client) fn first_exchange<B>(&self) -> Exchange<B> {
        let place = Place::new(&self.state);
        Exchange::new(self.send.clone(), place, self.address, self.is_encrypted)
    }

    /// Whether it has had no streams since `oldest`, as far as was looked at.
    pub(in crate::client) fn is_idle_since(&mut self, oldest: Instant) -> bool {
        if self.state.streams() > 0 {
            self.idle_since = Instant::now();
        }
        self.idle_since <= oldest
    }
}

impl State {
    fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Place {
    fn new(state: &Arc<State>) -> Self {
        state.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(state))
    }

    pub(super) fn count_request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
