//! One outbound call for a plugin: bounded in time and size, and only to addresses that are allowed.

use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::connect::Stream;
use super::{ClientError, Connect, Endpoint, TlsVerify};
use crate::task;

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
            timeout_at(deadline, this.call(request, deadline, allow))
                .await
                .unwrap_or(Err(FetchError::Timeout))
        });
        // A call that panics or is cut off at shutdown looks like a timeout to its plugin.
        call.await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn call(
        &self,
        request: FetchRequest,
        deadline: Instant,
        allow: impl Fn(IpAddr) -> bool + Send,
    ) -> Result<FetchResponse, FetchError> {
        let (endpoint, host) = target(&request.url)?;
        let addresses = self.connect.resolve(&endpoint).await?;
        let address = addresses.into_iter().find(|address| allow(address.ip())).ok_or(FetchError::Denied)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let opened = self.connect.open(&endpoint, address, left).await?;
        let limit = request.max_response_bytes;
        let message = message(request, host)?;
        let response = match opened.stream {
            Stream::Plain(tcp) => exchange(TokioIo::new(tcp), message).await?,
            Stream::Tls(tls) => exchange(TokioIo::new(*tls), message).await?,
        };
        let (head, body) = response.into_parts();
        Ok(FetchResponse { status: head.status, headers: head.headers, body: collect(body, limit).await? })
    }
}

fn target(url: &Uri) -> Result<(Endpoint, HeaderValue), FetchError> {
    let (tls, default_port) = match url.scheme_str() {
        Some("http") => (None, 80),
        Some("https") => (Some(TlsVerify::Full), 443),
        Some(_) | None => return Err(FetchError::Url),
    };
    let authority = url.authority().ok_or(FetchError::Url)?;
    if authority.as_str().contains('@') {
        return Err(FetchError::Url);
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| FetchError::Url)?;
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(default_port);
    Ok((Endpoint { host: name.into(), port, tls }, host))
}

fn message(request: FetchRequest, host: HeaderValue) -> Result<Request<Full<Bytes>>, FetchError> {
    let target = request.url.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let mut message = Request::new(Full::new(request.body));
    *message.method_mut() = request.method;
    *message.uri_mut() = target.parse().map_err(|_| FetchError::Url)?;
    *message.headers_mut() = request.headers;
    message.headers_mut().insert(header::HOST, host);
    message.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(message)
}

async fn exchange<T>(io: T, message: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, ClientError>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let broken = |source| ClientError::Response { source };
    let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
    task::spawn("outbound connection", async move { _ = connection.await });
    sender.send_request(message).await.map_err(broken)
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, FetchError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| ClientError::Response { source })?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > limit {
            return Err(FetchError::TooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}
