//! From a host name to an open connection, with a deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::stream::Stream;
use super::{ClientError, Tls, TlsTo};

/// A host and port to connect to, and whether to speak TLS there. Equal endpoints share a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or IP address, without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Which address of the host, if that matters: connections to different ones do not mix.
    pub address: Option<SocketAddr>,
    /// `None` for plain TCP.
    pub tls: Option<TlsTo>,
    /// What is spoken there.
    pub speaks: Speaks,
}

/// The version of HTTP that an upstream is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Speaks {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, with prior knowledge where there is no TLS.
    Http2,
}

/// Makes connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connect {
    tls: Tls,
}

impl Connect {
    /// Makes connections with these TLS settings.
    pub fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// All addresses of an endpoint, in the resolver's order.
    ///
    /// # Errors
    ///
    /// [`ClientError::Resolve`] if there is none.
    pub async fn resolve(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ClientError> {
        let host = endpoint.host.as_ref();
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
        }
        let unresolved = |source| ClientError::Resolve { host: host.to_owned(), source };
        let found = tokio::net::lookup_host((host, endpoint.port)).await;
        let addresses: Vec<_> = found.map_err(|error| unresolved(Some(error)))?.collect();
        if addresses.is_empty() {
            return Err(unresolved(None));
        }
        Ok(addresses)
    }

    /// Opens one connection to `address`, which was resolved from `endpoint`, within `limit`.
    ///
    /// # Errors
    ///
    /// [`ClientError::ConnectTimeout`], [`ClientError::Connect`] or [`ClientError::Tls`].
    pub async fn open(
        &self,
        endpoint: &Endpoint,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Stream, ClientError> {
        let deadline = Instant::now() + limit;
        let late = |_| ClientError::ConnectTimeout { address, limit };
        let tcp = timeout_at(deadline, TcpStream::connect(address)).await.map_err(late)?;
        let tcp = tcp.map_err(|source| ClientError::Connect { address, source })?;
        // Requests and responses are written whole: waiting for more to send only adds latency.
        tcp.set_nodelay(true).map_err(|source| ClientError::Connect { address, source })?;
        let Some(to) = &endpoint.tls else {
            return Ok(Stream::Plain(tcp));
        };
        let handshake = self.tls.handshake(to, tcp);
        let done = timeout_at(deadline, handshake).await.map_err(late)?;
        let stream = done.map_err(|source| ClientError::Tls { address, source })?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl From<ClientError> for io::Error {
    fn from(error: ClientError) -> Self {
        Self::other(error)
    }
}
