//! One outbound call for a plugin: bounded in time and size, and only to addresses that are allowed.

mod reuse;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::Full;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use self::reuse::{Place, Reuse};
use super::call::{self, After, CallRequest};
use super::{ClientError, Connect, Connection, ExchangeError, TlsVerify};

/// What to send.
#[derive(Debug)]
pub struct FetchRequest {
    /// Method.
    pub method: Method,
    /// Absolute, `http` or `https`.
    pub url: Uri,
    /// Without Host and framing headers, which are added.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// For the whole call, from resolving to the last byte.
    pub timeout: Duration,
    /// Larger bodies are an error.
    pub max_response_bytes: usize,
}

/// What came back.
#[derive(Debug)]
pub struct FetchResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not absolute, not http(s), or carries credentials.
    #[error("not a URL that can be called")]
    Url,
    /// No address of the host is allowed.
    #[error("the address of the host is not allowed")]
    Denied,
    /// Time ran out.
    #[error("timed out")]
    Timeout,
    /// The response body is larger than allowed.
    #[error("response too large")]
    TooLarge,
    /// Resolving, connecting or TLS failed, or the answer was not HTTP.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Makes outbound calls. Connections are driven by the control-plane runtime, never by a worker.
#[derive(Debug, Clone)]
pub struct Fetcher {
    connect: Connect,
    idle: Reuse,
    runtime: Handle,
}

impl Fetcher {
    /// Drives connections on `runtime`.
    pub fn new(connect: Connect, runtime: Handle) -> Self {
        Self { connect, idle: Reuse::new(), runtime }
    }

    /// Makes one call. `allow` is asked about each resolved address, and the call goes to that very
    /// address, so that a name cannot resolve to something else in between; so it does on a connection that
    /// an earlier call has left open. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// Any [`FetchError`].
    pub async fn fetch(
        &self,
        request: FetchRequest,
        allow: impl Fn(IpAddr) -> bool + Send + 'static,
    ) -> Result<FetchResponse, FetchError> {
        let this = self.clone();
        let deadline = Instant::now() + request.timeout;
        let call = self.runtime.spawn(async move {
            timeout_at(deadline, this.call(&request, deadline, allow))
                .await
                .unwrap_or(Err(FetchError::Timeout))
        });
        // A call that panics or is cut off at shutdown looks like a timeout to its plugin.
        call.await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn call(
        &self,
        request: &FetchRequest,
        deadline: Instant,
        allow: impl Fn(IpAddr) -> bool + Send,
    ) -> Result<FetchResponse, FetchError> {
        let endpoint = call::target(&request.url, TlsVerify::Full)?;
        let addresses = self.connect.resolve(&endpoint).await?;
        let allowed: Vec<_> = addresses.into_iter().filter(|address| allow(address.ip())).collect();
        for address in &allowed {
            let place = (endpoint.clone(), *address);
            let Some(connection) = self.idle.take(&place) else { continue };
            match self.exchange(connection, &place, request).await {
                // The other side closed it just then. What may have been done is not asked for again.
                Err(error) if is_gone(&error) && request.method.is_idempotent() => break,
                ended => return ended,
            }
        }
        let mut outcome = Err(FetchError::Denied);
        for address in allowed {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.connect.open(&endpoint, address, left).await {
                // Another address is tried only if this one cannot be connected to.
                Ok(stream) => {
                    let connection = Box::new(Connection::new(stream, address));
                    return self.exchange(connection, &(endpoint, address), request).await;
                }
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }

    /// Reads the whole answer, and keeps the connection if it can be used again.
    async fn exchange(
        &self,
        connection: Box<Connection<Full<Bytes>>>,
        place: &Place,
        request: &FetchRequest,
    ) -> Result<FetchResponse, FetchError> {
        let sent = CallRequest {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: Full::new(request.body.clone()),
        };
        let mut answer = call::begin(connection, sent, After::Keep).await?;
        let body = answer.whole(request.max_response_bytes).await?;
        let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
        self.idle.put(place, answer.into_connection());
        Ok(FetchResponse { status, headers, body })
    }
}

/// Whether the connection was closed, and not its answer wrong.
fn is_gone(error: &FetchError) -> bool {
    matches!(error, FetchError::Client(ClientError::Response(ExchangeError::Closed | ExchangeError::Io(_))))
}

#[cfg(test)]
mod tests;
