//! The other end of a connection.

use std::net::IpAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

/// The other end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` within the process.
    pub address: Option<IpAddr>,
    /// Names in the certificate that it showed and that was found good.
    pub names: Vec<String>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: Some(stream.remote_addr().ip().to_canonical()), names: Vec::new() }
    }
}
