//! The Admin API of a running gateway, as the command line calls it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;

use crate::cli::progress::Step;
use crate::client::{CallRequest, CallResponse, Connect, FetchError, Tls, TlsDefaults, TlsVerify};

/// To connect, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// For one answer; a large component is compiled meanwhile.
const ANSWER: Duration = Duration::from_secs(180);
/// Bytes of an answer.
const MAX_ANSWER: usize = 16 << 20;
/// Bytes of an upload that are handed to the connection at once.
const PIECE: usize = 32 << 10;
/// Where a token is found that is not to stand on a command line.
pub(super) const TOKEN_VARIABLE: &str = "WEIR_ADMIN_TOKEN";

/// Which gateway.
#[derive(Debug, Clone, Args)]
pub(super) struct Gateway {
    /// The Admin API.
    #[arg(long = "admin", value_name = "URL", default_value = "http://localhost:8001")]
    url: String,
    /// Sent as `Authorization: Bearer …`, for an Admin API behind a proxy that asks for it. Better in the
    /// environment variable WEIR_ADMIN_TOKEN, which other users of the machine cannot see.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Another header for every request: `name: value`.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Does not check the gateway's certificate.
    #[arg(long)]
    insecure: bool,
}

/// Why the Admin API did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address or a header makes no sense.
    #[error("{0}")]
    Argument(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] crate::client::TlsError),
    /// Nobody answers.
    #[error("the Admin API at {url} does not answer (is it running, and is --admin right?)")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        source: FetchError,
    },
    /// The gateway says no.
    #[error("the gateway refused {what} ({status}): {reason}")]
    Refused {
        /// Method and path.
        what: String,
        /// Status.
        status: StatusCode,
        /// Its words, and each field that is wrong.
        reason: String,
    },
}

/// The Admin API of one gateway.
pub(super) struct AdminApi {
    base: String,
    headers: HeaderMap,
    verify: TlsVerify,
    connect: Connect,
}

impl AdminApi {
    /// Ready to call; nothing is sent yet.
    pub(super) fn new(gateway: &Gateway) -> Result<Self, AdminError> {
        let wrong = |what: String| AdminError::Argument(what);
        let url = gateway.url.as_str();
        let base = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let base = base.trim_end_matches('/').to_owned();
        base.parse::<Uri>()
            .ok()
            .filter(|url| url.scheme().is_some() && url.authority().is_some())
            .ok_or_else(|| wrong(format!("--admin {base} is not a URL such as http://localhost:8001")))?;
        let mut headers = HeaderMap::new();
        let token = gateway.token.clone().or_else(|| std::env::var(TOKEN_VARIABLE).ok());
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| wrong("the token has characters that no header can carry".into()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        for text in &gateway.headers {
            let pair = text.split_once(':').and_then(|(name, value)| {
                Some((name.trim().parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
            });
            let (name, value) = pair.ok_or_else(|| wrong("a --header is written `name: value`".into()))?;
            headers.append(name, value);
        }
        let verify = if gateway.insecure { TlsVerify::Off } else { TlsVerify::Full };
        Ok(Self { base, headers, verify, connect: Connect::new(Tls::new(TlsDefaults::default())?) })
    }

    /// The API on this address of the machine itself.
    pub(super) fn local(port: u16) -> Result<Self, AdminError> {
        let url = format!("http://127.0.0.1:{port}");
        Self::new(&Gateway { url, token: None, headers: Vec::new(), insecure: false })
    }

    /// Reads.
    pub(super) async fn get(&self, path: &str) -> Result<Value, AdminError> {
        self.send(Method::GET, path, &Value::Null).await
    }

    /// Sends JSON, nothing for null; gives the answer, which must be a 2xx.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, AdminError> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let sent = Pieces { left: text.into(), total: 0, step: None };
        self.answered(method, path, "application/json", sent).await
    }

    /// Uploads a component, and shows how far it is.
    pub(super) async fn upload(&self, path: &str, component: Bytes) -> Result<Value, AdminError> {
        let total = component.len() as u64;
        let step = Step::of_bytes("uploading", total);
        let sent = Pieces { left: component, total, step: Some(step) };
        self.answered(Method::POST, path, "application/wasm", sent).await
    }

    /// Reads an answer that may have no end.
    pub(super) async fn stream(&self, path: &str) -> Result<Incoming, AdminError> {
        let sent = Pieces { left: Bytes::new(), total: 0, step: None };
        let mut answer = self.call(Method::GET, path, "application/json", sent).await?;
        if answer.status.is_success() {
            return Ok(Incoming { url: self.base.clone(), answer });
        }
        let body = answer.whole(MAX_ANSWER).await.unwrap_or_default();
        Err(refused(format!("GET {path}"), answer.status, &body))
    }

    async fn answered(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        sent: Pieces,
    ) -> Result<Value, AdminError> {
        let what = format!("{method} {path}");
        let answered = async {
            let mut answer = self.call(method, path, kind, sent).await?;
            let body = answer.whole(MAX_ANSWER).await.map_err(|source| self.unreachable(source))?;
            Ok((answer.status, body))
        };
        let answered = tokio::time::timeout(ANSWER, answered).await;
        let (status, body) = answered.unwrap_or_else(|_| Err(self.unreachable(FetchError::Timeout)))?;
        if status.is_success() {
            return Ok(serde_json::from_slice(&body).unwrap_or_default());
        }
        Err(refused(what, status, &body))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Pieces,
    ) -> Result<CallResponse<Pieces>, AdminError> {
        let url = format!("{}{path}", self.base);
        let url = url.parse().map_err(|_| AdminError::Argument(format!("{url} is not a URL")))?;
        let mut headers = self.headers.clone();
        if !body.left.is_empty() {
            headers.extend(HeaderValue::from_str(kind).map(|kind| (header::CONTENT_TYPE, kind)));
        }
        let request = CallRequest { method, url, headers, body };
        self.connect.call(request, self.verify, CONNECT).await.map_err(|source| self.unreachable(source))
    }

    fn unreachable(&self, source: FetchError) -> AdminError {
        AdminError::Unreachable { url: self.base.clone(), source }
    }
}

/// An answer that may have no end.
pub(super) struct Incoming {
    url: String,
    answer: CallResponse<Pieces>,
}

impl Incoming {
    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, AdminError> {
        let chunk = self.answer.chunk().await;
        chunk.map_err(|source| AdminError::Unreachable { url: self.url.clone(), source })
    }
}

/// The gateway's words, and each field that it finds wrong.
fn refused(what: String, status: StatusCode, body: &[u8]) -> AdminError {
    let Ok(Value::Object(said)) = serde_json::from_slice(body) else {
        let reason = String::from_utf8_lossy(body).trim().to_owned();
        return AdminError::Refused { what, status, reason };
    };
    let mut lines = vec![said.get("message").and_then(Value::as_str).unwrap_or("no reason given").to_owned()];
    if let Some(fields) = said.get("fields") {
        pointers(fields, "", &mut lines);
    }
    AdminError::Refused { what, status, reason: lines.join("\n  ") }
}

/// Each text in `fields`, behind the place that it speaks of.
fn pointers(fields: &Value, at: &str, lines: &mut Vec<String>) {
    match fields {
        Value::Object(all) => {
            for (name, below) in all {
                pointers(below, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), lines);
            }
        }
        Value::Array(all) => {
            all.iter()
                .enumerate()
                .for_each(|(index, below)| pointers(below, &format!("{at}/{index}"), lines));
        }
        Value::String(text) => lines.push(format!("{at}: {text}")),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A body that is sent piece by piece, so that somebody sees how far it is.
pub(super) struct Pieces {
    left: Bytes,
    total: u64,
    step: Option<Step>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.left.len().min(PIECE);
        let piece = self.left.split_to(size);
        if let Some(step) = &self.step {
            step.at(self.total.saturating_sub(self.left.len() as u64));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_shown_with_its_place() {
        let body = br#"{"message":"schema violation (config.a: expected a string)","code":2,
            "fields":{"config":{"a":"expected a string","b/c":["x"]}}}"#;
        let text = refused("POST /plugins".into(), StatusCode::BAD_REQUEST, body).to_string();
        assert!(text.contains("\n  /config/a: expected a string\n  /config/b~1c/0: x"), "{text}");
        assert!(
            text.starts_with("the gateway refused POST /plugins (400 Bad Request): schema violation"),
            "{text}"
        );
    }

    #[test]
    fn addresses_and_headers_that_make_no_sense_are_refused() {
        let gateway = |url: &str, headers: &[&str]| Gateway {
            url: url.into(),
            token: None,
            headers: headers.iter().map(ToString::to_string).collect(),
            insecure: false,
        };
        assert_eq!(
            AdminApi::new(&gateway("localhost:8001/", &[])).ok().unwrap().base,
            "http://localhost:8001"
        );
        assert!(AdminApi::new(&gateway("http://", &[])).is_err());
        assert!(AdminApi::new(&gateway("localhost", &["novalue"])).is_err());
    }
}
