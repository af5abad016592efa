//! One request on a connection of its own, with both bodies streamed: for a caller that waits for nothing
//! else, such as the command line.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body::Body;

use super::{
    ClientError, Connect, Connection, Endpoint, FetchError, HeadWriter, Speaks, TlsProfile, TlsTo, TlsVerify,
};

/// What to send.
#[derive(Debug)]
pub struct CallRequest<B> {
    /// Method.
    pub method: Method,
    /// Absolute, `http` or `https`.
    pub url: Uri,
    /// Without Host and framing headers, which are added.
    pub headers: HeaderMap,
    /// The body; its length decides the framing.
    pub body: B,
}

/// The head of what came back; the body follows by chunk.
pub struct CallResponse<B> {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    connection: Box<Connection<B>>,
}

impl Connect {
    /// Sends one request and reads the head of the answer. A connection must be had within `limit`; how
    /// long the rest takes is for the caller to bound. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// Any [`FetchError`] but `Denied` and `TooLarge`.
    pub async fn call<B>(
        &self,
        request: CallRequest<B>,
        verify: TlsVerify,
        limit: Duration,
    ) -> Result<CallResponse<B>, FetchError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let endpoint = target(&request.url, verify)?;
        let mut failed = FetchError::Timeout;
        for address in self.resolve(&endpoint).await? {
            match self.open(&endpoint, address, limit).await {
                Ok(stream) => {
                    let connection = Box::new(Connection::new(stream, address));
                    return begin(connection, request, After::Close).await;
                }
                Err(error) => failed = error.into(),
            }
        }
        Err(failed)
    }
}

/// What becomes of a connection after its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Close,
    Keep,
}

/// Sends a request on a connection and reads the head of the answer.
pub(super) async fn begin<B>(
    mut connection: Box<Connection<B>>,
    request: CallRequest<B>,
    after: After,
) -> Result<CallResponse<B>, FetchError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let CallRequest { method, url, headers, body } = request;
    let host = url.authority().ok_or(FetchError::Url)?;
    let path = url.path_and_query().map_or("/", |target| target.as_str());
    let fields = |head: &mut HeadWriter<'_>| {
        head.field(&header::HOST, host.as_str().as_bytes());
        match after {
            After::Close => head.field(&header::CONNECTION, b"close"),
            After::Keep => {}
        }
        for (name, value) in &headers {
            head.field(name, value.as_bytes());
        }
    };
    connection.begin(&method, path, fields, body);
    let head = poll_fn(|cx| connection.poll_response(cx)).await.map_err(ClientError::Response)?;
    Ok(CallResponse { status: head.status, headers: head.headers, connection })
}

impl<B> CallResponse<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// The next chunk of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`FetchError::Client`] if the connection breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        while let Some(frame) = poll_fn(|cx| self.connection.poll_frame(cx)).await {
            if let Ok(data) = frame.map_err(ClientError::Response)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body, if it has `most` bytes at most.
    ///
    /// # Errors
    ///
    /// [`FetchError::TooLarge`], or as [`CallResponse::chunk`].
    pub async fn whole(&mut self, most: usize) -> Result<Bytes, FetchError> {
        let mut whole = BytesMut::new();
        while let Some(data) = self.chunk().await? {
            if whole.len() + data.len() > most {
                return Err(FetchError::TooLarge);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

impl<B> CallResponse<B> {
    /// The connection, once the body has been read.
    pub(super) fn into_connection(self) -> Box<Connection<B>> {
        self.connection
    }
}

/// Where a URL leads.
pub(super) fn target(url: &Uri, verify: TlsVerify) -> Result<Endpoint, FetchError> {
    let (tls, default_port) = match url.scheme_str() {
        Some("http") => (None, 80),
        Some("https") => (Some(TlsProfile::of_calls(verify)), 443),
        Some(_) | None => return Err(FetchError::Url),
    };
    let authority = url.authority().ok_or(FetchError::Url)?;
    if authority.as_str().contains('@') {
        return Err(FetchError::Url);
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(default_port);
    let host: Arc<str> = name.into();
    let tls = tls.map(|profile| TlsTo { name: Arc::clone(&host), profile });
    Ok(Endpoint { host, port, address: None, tls, speaks: Speaks::Http1 })
}
