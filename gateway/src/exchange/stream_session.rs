//! One stream, from its beginning to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::{RouteFacts, TlsFacts, Try};

/// What is known about one stream: a connection, or what one client sends by UDP.
#[derive(Debug)]
pub struct StreamSession {
    /// What carries it, and who ends its TLS.
    pub carrier: Carrier,
    /// The caller, after trusted balancers are taken away.
    pub client: SocketAddr,
    /// Where the caller connected to.
    pub destination: SocketAddr,
    /// The TLS server name, if the client gave one.
    pub server_name: Option<Box<str>>,
    /// Of the client's connection, if its TLS ends here.
    pub tls: Option<TlsFacts>,
    /// The route and its service; `None` until routed.
    pub route: Option<Arc<RouteFacts>>,
    /// Attempts to reach the upstream.
    pub tries: Vec<Try>,
    /// What became of it, in nginx's numbers: 200 if it was carried to its end.
    pub status: u16,
    /// Why it was not carried.
    pub error: Option<Box<str>>,
    /// Bytes received from the client and passed on.
    pub bytes_in: u64,
    /// Bytes sent to the client.
    pub bytes_out: u64,
    /// When it began.
    pub started: Instant,
    /// The same in wall-clock time, Unix milliseconds.
    pub started_unix_ms: u64,
    /// When the upstream was reached.
    pub connected: Option<Instant>,
    /// When it was over.
    pub ended: Option<Instant>,
}

/// What carries a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A plain connection.
    Tcp,
    /// A connection whose TLS ends here.
    Tls,
    /// A connection whose TLS ends at the upstream.
    TlsPassthrough,
    /// Datagrams.
    Udp,
}

impl Carrier {
    /// Kong's word, as in the protocols of routes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::TlsPassthrough => "tls_passthrough",
            Self::Udp => "udp",
        }
    }
}

impl StreamSession {
    /// nginx's status for a stream that was carried to its end.
    pub const CARRIED: u16 = 200;

    /// Begins at `started`.
    pub fn begin(
        carrier: Carrier,
        client: SocketAddr,
        destination: SocketAddr,
        (started, started_unix_ms): (Instant, u64),
    ) -> Self {
        Self {
            carrier,
            client,
            destination,
            server_name: None,
            tls: None,
            route: None,
            tries: Vec::new(),
            status: Self::CARRIED,
            error: None,
            bytes_in: 0,
            bytes_out: 0,
            started,
            started_unix_ms,
            connected: None,
            ended: None,
        }
    }
}
