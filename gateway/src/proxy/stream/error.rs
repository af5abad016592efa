//! Why a stream was not carried, and nginx's number for it.

use std::io;

use super::hello::HelloError;
use crate::proxy::error::ProxyError;
use crate::proxy::proxy_protocol::ProxyHeaderError;

/// Why a stream was not carried. The client sees its connection closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    /// What a balancer in front says first cannot be used.
    #[error(transparent)]
    Header(#[from] ProxyHeaderError),
    /// It does not begin with the hello of TLS, and should.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// There is no agreement with the client.
    #[error("the handshake has failed: {0}")]
    Handshake(#[source] io::Error),
    /// The client takes too long to begin.
    #[error("the client takes too long to begin")]
    Late,
    /// The client did not wait for the upstream.
    #[error("the client has left before the upstream was reached")]
    Left,
    /// No route matches.
    #[error("no route matches")]
    NoRoute,
    /// The route is not for TLS, which the listener asks for.
    #[error("the route is for neither tls nor tls_passthrough")]
    NotForTls,
    /// Nobody takes datagrams there.
    #[error("the upstream refuses datagrams: {0}")]
    Refused(#[source] io::Error),
    /// The upstream cannot be reached.
    #[error(transparent)]
    Unreached(#[from] ProxyError),
}

impl StreamError {
    /// nginx's number, as Kong logs it.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Header(_) | Self::Hello(_) | Self::Handshake(_) | Self::Late | Self::Left => 400,
            Self::NoRoute | Self::NotForTls => 500,
            // There is one number for everything that goes wrong with an upstream.
            Self::Refused(_) | Self::Unreached(ProxyError::UpstreamTimeout) => 502,
            Self::Unreached(error) => error.status().as_u16(),
        }
    }
}
