//! One outbound call for a plugin: bounded in time and size, and only to addresses that are allowed.

use std::future::poll_fn;
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::Full;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::{ClientError, Connect, Connection, Endpoint, HeadWriter, TlsVerify};

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
    runtime: Handle,
}

impl Fetcher {
    /// Drives connections on `runtime`.
    pub fn new(connect: Connect, runtime: Handle) -> Self {
        Self { connect, runtime }
    }

    /// Makes one call. `allow` is asked about each resolved address, and the call goes to that very
    /// address, so that a name cannot resolve to something else in between. Redirects are not followed.
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
        let (endpoint, host) = target(&request.url)?;
        let addresses = self.connect.resolve(&endpoint).await?;
        let mut outcome = Err(FetchError::Denied);
        let allowed: Vec<_> = addresses.into_iter().filter(|address| allow(address.ip())).collect();
        for address in allowed {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.connect.open(&endpoint, address, left).await {
                // Nothing is sent twice: another address is tried only if this one cannot be connected to.
                Ok(stream) => return exchange(Connection::new(stream, address), request, host).await,
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }
}

fn target(url: &Uri) -> Result<(Endpoint, &str), FetchError> {
    let (tls, default_port) = match url.scheme_str() {
        Some("http") => (None, 80),
        Some("https") => (Some(TlsVerify::Full), 443),
        Some(_) | None => return Err(FetchError::Url),
    };
    let authority = url.authority().ok_or(FetchError::Url)?;
    if authority.as_str().contains('@') {
        return Err(FetchError::Url);
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(default_port);
    Ok((Endpoint { host: name.into(), port, tls }, authority.as_str()))
}

async fn exchange(
    mut connection: Connection<Full<Bytes>>,
    request: &FetchRequest,
    host: &str,
) -> Result<FetchResponse, FetchError> {
    let target = request.url.path_and_query().map_or("/", |target| target.as_str());
    let fields = |head: &mut HeadWriter<'_>| {
        head.field(&header::HOST, host.as_bytes());
        head.field(&header::CONNECTION, b"close");
        for (name, value) in &request.headers {
            head.field(name, value.as_bytes());
        }
    };
    connection.begin(&request.method, target, fields, Full::new(request.body.clone()));
    let head = poll_fn(|cx| connection.poll_response(cx)).await.map_err(ClientError::Response)?;
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| connection.poll_frame(cx)).await {
        let frame = frame.map_err(ClientError::Response)?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > request.max_response_bytes {
            return Err(FetchError::TooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(FetchResponse { status: head.status, headers: head.headers, body: whole.freeze() })
}

#[cfg(test)]
mod tests;
