//! The other end of a connection.

use std::net::IpAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

use crate::admin::tls_listener::TlsListener;
use crate::model::subject_name;
use crate::tls::client_certificate;

/// The other end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` within the process.
    pub address: Option<IpAddr>,
    /// The common name of the certificate that it has shown and that an authority speaks for.
    pub(in crate::admin) certified: Option<String>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: Some(stream.remote_addr().ip().to_canonical()), certified: None }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let certified = client_certificate(stream.io()).and_then(subject_name);
        Self { address: Some(stream.remote_addr().ip().to_canonical()), certified }
    }
}
