//! A connection that client and upstream have agreed to speak another protocol on, such as WebSocket.
//!
//! The upstream must have agreed (101) to what the client asked for in this very request; then bytes go
//! both ways unread until one side ends or both are silent for the service's `read_timeout`. It counts as
//! a connection, so that a drain waits for it within the grace period.
//!
//! Not passed on: HTTP itself in another version, and TLS. Requests inside such a tunnel would meet neither
//! routes nor plugins.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};

use super::ResponseBody;
use super::carry::{Carried, carry};
use super::early::Early;
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
    if let (Some(protocol), Some((connection, idle))) = (protocol, answered.body.into_connection())
        && let Some(upstream) = connection.into_upgraded()
    {
        head.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.insert(header::UPGRADE, protocol);
        let client = Rc::clone(&ending.client);
        client.tunnel.replace(Some(Tunnel { upstream, idle, ending }));
    }
    ResponseBody::none()
}

impl Tunnel {
    /// Carries bytes both ways; `early` were read from the client already. How a tunnel ends is the business
    /// of its two ends.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, early: Bytes) {
        let Self { mut upstream, idle, mut ending } = self;
        let deadline = Rc::clone(&ending.client.deadline);
        let carried = Cell::default();
        carry(Early::new(early, stream), &mut upstream, (&deadline, idle), &carried).await;
        if let Some(exchange) = ending.exchange() {
            let Carried { bytes_in, bytes_out } = carried.get();
            exchange.bytes_in += bytes_in;
            exchange.bytes_out += bytes_out;
        }
    }
}
