//! Why an exchange over a connection failed.

use std::io;

/// Why an exchange over a connection failed. The connection is of no use after it.
#[derive(Debug, thiserror::Error)]
pub enum H1Error {
    /// The other side closed the connection before its answer was complete.
    #[error("the connection was closed before the response was complete")]
    Closed,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is not HTTP/1.1, or could be read in two ways.
    #[error("not a valid HTTP/1.1 response: {0}")]
    Malformed(&'static str),
    /// The request's own body broke off.
    #[error("the request body broke off")]
    RequestBody(#[source] Box<dyn std::error::Error + Send + Sync>),
}
