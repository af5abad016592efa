//! Requests of a function to hosts that were granted: the rules, the limits and the connections are those
//! of `http-client`. Both bodies are whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::plugin_host::OutboundResponse;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::guest::Cancel;
use crate::plugin_host::imports::{Asked, HttpError, admit, refused};

/// How long a request may take if the guest does not say.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);

type Io = Box<dyn Future<Output = Result<()>> + Send>;
type Answer = Result<(Response<WasiBody>, Io)>;

/// Sends the requests of one call.
#[derive(Clone)]
pub(super) struct Outgoing {
    core: Arc<Core>,
    cancel: Arc<Cancel>,
    /// Bytes that the call may still send out and get back.
    left: Arc<AtomicU64>,
}

impl Outgoing {
    pub(super) fn new(core: &Arc<Core>, cancel: &Arc<Cancel>) -> Self {
        let left = Arc::new(AtomicU64::new(core.limits.outbound_bytes));
        Self { core: Arc::clone(core), cancel: Arc::clone(cancel), left }
    }

    async fn send(self, request: Request<WasiBody>, timeout: Duration) -> Answer {
        // Before anything of the body is waited for.
        let grant = self.core.grants.http.as_ref().ok_or(Error::HttpRequestDenied)?;
        let (head, body) = request.into_parts();
        let mut left = self.left.load(Ordering::Relaxed);
        let body = Limited::new(body, usize::try_from(left).unwrap_or(usize::MAX)).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => Error::HttpRequestBodySize(None),
            false => Error::HttpProtocolError,
        })?;
        let asked = Asked {
            method: head.method,
            url: head.uri,
            headers: head.headers,
            body: body.to_bytes(),
            timeout,
            max_response_bytes: usize::MAX,
        };
        let before = left;
        let admitted = admit(grant, &mut left, asked).map_err(said)?;
        self.spend(before - left);
        let answer = self.core.services.deps.outbound.send(admitted).await;
        let OutboundResponse { status, headers, body } = answer.map_err(|error| said(refused(error)))?;
        self.spend(body.len() as u64);
        let mut response = Response::new(Full::new(body).map_err(Error::from).boxed_unsync());
        *response.status_mut() = http::StatusCode::from_u16(status).map_err(|_| Error::HttpProtocolError)?;
        *response.headers_mut() = headers;
        Ok((response, Box::new(async { Ok(()) })))
    }

    fn spend(&self, bytes: u64) {
        let less = |left: u64| Some(left.saturating_sub(bytes));
        _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl WasiHttpHooks for Outgoing {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        // The guest may read who was asked; what it may set is framed anew in any case.
        *name != http::header::HOST && wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let (this, cancel) = (self.clone(), Arc::clone(&self.cancel));
        let timeout = options.and_then(|options| options.first_byte_timeout).unwrap_or(USUAL_TIMEOUT);
        Box::new(async move {
            tokio::select! {
                answer = this.send(request, timeout) => answer,
                () = cancel.wait() => Err(Error::ConnectionTerminated),
            }
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        64 << 10
    }

    fn set_host_header(&mut self) -> bool {
        false
    }
}

/// In the words of `wasi:http`.
fn said(error: HttpError) -> Error {
    match error {
        HttpError::Denied => Error::HttpRequestDenied,
        HttpError::Dns => Error::DnsError { rcode: None, info_code: None },
        HttpError::Connect => Error::ConnectionRefused,
        HttpError::Tls => Error::TlsProtocolError,
        HttpError::Timeout => Error::HttpResponseTimeout,
        HttpError::TooLarge => Error::HttpResponseBodySize(None),
        HttpError::Budget => Error::ConnectionLimitReached,
        HttpError::Protocol => Error::HttpProtocolError,
    }
}
