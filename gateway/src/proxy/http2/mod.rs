//! One client connection over HTTP/2 (RFC 9113).
//!
//! hyper parses and multiplexes. Each stream becomes a task with a deadline of its own, and goes the way of
//! any request from there on. Before hyper reads it, `frames` follows the frames of the client, so that floods
//! and half-sent heads end the connection; after it, `translate` refuses what a head must not say and makes
//! of it what the rest of the proxy knows from HTTP/1.
//!
//! Not here: server push (hyper announces none), priorities (passed over, as RFC 9113 section 5.3.2 allows),
//! and the upgrade from HTTP/1.1, which RFC 9113 has taken away.

mod body;
mod flood;
mod frames;
mod knowledge;
mod streams;
mod translate;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};

use super::client_io::ClientIo;
use super::connection::Client;
use super::deadline::Wait;
use frames::Frames;
use streams::{Link, Streams};

pub(super) use knowledge::by_prior_knowledge;

/// Streams that a client may have open at once.
pub(super) const MAX_STREAMS: u32 = 100;

/// What one stream may send before it is read: what RFC 9113 begins with.
pub(super) const STREAM_WINDOW: u32 = 65_535;

/// What all of them together may send before it is read.
pub(super) const CONNECTION_WINDOW: u32 = 1 << 20;

/// Bytes of a response that wait in memory for one stream's turn.
const SEND_BUFFER: usize = 64 << 10;

/// Heads are decoded into memory; `http` holds no more fields than fit into this.
const MAX_HEADER_LIST: usize = 512 << 10;

/// Streams that a client may make the gateway reset by errors of its own (CVE-2025-8671).
const MAX_ERROR_RESETS: usize = 100;

/// How long a connection that was told to end may take for it, once nothing runs on it.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves one connection to its end.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(client: Rc<Client>, stream: S) {
    let link = Link::new(Rc::clone(&client));
    let io = ClientIo { stream, client: Rc::clone(&client), look: Frames::new(Rc::clone(&link)) };
    let of_streams = Rc::clone(&link);
    let service = service_fn(move |request| of_streams.serve(request));
    let header_list = client.worker.settings.client_max_header_size.min(MAX_HEADER_LIST);
    let mut http = http2::Builder::new(Streams(Rc::clone(&link)));
    http.max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(header_list).unwrap_or(u32::MAX))
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        // hyper would ask the clock for each response; the worker knows the date.
        .auto_date_header(false);
    let mut connection = http.serve_connection(io, service);
    let mut closing = false;
    poll_fn(|cx| {
        client.deadline.register(cx);
        let late = client.deadline.client_is_late();
        // A connection that is merely idle is told so, and closed in order.
        let idle = late && !closing && client.deadline.wait() == Wait::Idle;
        if idle || (client.worker.draining.get() && !closing) {
            closing = true;
            link.close_when_idle(GOODBYE);
            Pin::new(&mut connection).graceful_shutdown();
        } else if late {
            return Poll::Ready(());
        }
        // How a connection ends is the client's business; what matters of it stands in the access log.
        Pin::new(&mut connection).poll(cx).map(drop)
    })
    .await;
}
