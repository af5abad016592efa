//! Why an upstream could not be reached or did not answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::ExchangeError;

/// Why an upstream could not be reached or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name has no address, or the resolver failed.
    #[error("no address for {host}")]
    Resolve {
        /// The name that was asked for.
        host: String,
        /// What the resolver said; `None` for an empty answer.
        source: Option<io::Error>,
    },
    /// The connection was refused or broke while it was made.
    #[error("connect to {address} failed")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No connection within the time allowed.
    #[error("connect to {address} took more than {limit:?}")]
    ConnectTimeout {
        /// Where to.
        address: SocketAddr,
        /// The time allowed.
        limit: Duration,
    },
    /// TLS could not be agreed on.
    #[error("TLS with {address} failed")]
    Tls {
        /// Where to.
        address: SocketAddr,
        /// What rustls said.
        source: io::Error,
    },
    /// The connection broke before the response was complete, or what came was not HTTP/1.1.
    #[error("no valid response")]
    Response(#[from] ExchangeError),
}
