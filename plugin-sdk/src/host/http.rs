//! HTTP requests: capability `http-client`. The plugin waits, the gateway does not.

use super::raw::http_client;

pub use crate::bindings::imports::weir::plugin::http_client::{HttpError, Request, Response};

/// Sends one request.
///
/// # Errors
///
/// [`HttpError`] when there was no response within the grant's limits.
pub fn send(request: &Request) -> Result<Response, HttpError> {
    http_client::send(request)
}

/// Sends several at once; results in order.
pub fn send_all(requests: &[Request]) -> Vec<Result<Response, HttpError>> {
    http_client::send_all(requests)
}
