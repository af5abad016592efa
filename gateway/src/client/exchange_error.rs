//! Why an exchange over a connection failed.

use std::io;

/// Why an exchange over a connection failed. The connection, or the stream of it, is of no use after it.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The other side closed the connection before its answer was complete.
    #[error("the connection was closed before the response was complete")]
    Closed,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is not HTTP, or could be read in two ways.
    #[error("not a valid HTTP response: {0}")]
    Malformed(&'static str),
    /// The other side, or its breach of the protocol, ended the stream (RFC 9113 section 5.4).
    #[error("the HTTP/2 stream or its connection was ended")]
    Stream(#[source] h2::Error),
    /// The request's own body broke off.
    #[error("the request body broke off")]
    RequestBody(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<h2::Error> for ExchangeError {
    fn from(error: h2::Error) -> Self {
        if !error.is_io() {
            return Self::Stream(error);
        }
        error.into_io().map_or(Self::Closed, Self::Io)
    }
}
