//! `weir plugin run --record FILE`: real exchanges become a file of requests for `weir plugin test`.
//!
//! The recorder stands on both sides of the gateway. Before it, it sees what clients send; behind it, what the
//! upstream answers. One exchange at a time goes through, so that an answer of the upstream belongs to the
//! request that is under way. What is not text cannot stand in a file, and is left out with a word.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::PluginError;
use crate::cli::output::say;
use crate::cli::plugin::admin_api::AdminError;
use crate::client::{CallRequest, Connect, Tls, TlsDefaults, TlsVerify};
use crate::rehearsal;
use crate::task;

/// Bytes of a body; files with longer ones are no tests that somebody reads.
const BODY_BYTES: usize = 1 << 20;
/// Requests of one file.
const MOST: usize = 1000;
/// To connect to the upstream.
const CONNECT: Duration = Duration::from_secs(10);

/// Fields that belong to a connection, or are made anew for each message.
const LEFT_OUT: [header::HeaderName; 7] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::EXPECT,
    header::UPGRADE,
    header::DATE,
];

/// A file that grows with each exchange.
pub(super) struct Recorder {
    file: PathBuf,
    /// Whose configuration goes into the file.
    project: PathBuf,
    config: Option<Value>,
    /// Held by the exchange that is under way.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: Vec<Value>,
    /// What the upstream answered to the request that is under way; an error if it cannot be written down.
    upstream: Option<Result<Value, String>>,
}

impl Recorder {
    /// Begins a new file.
    pub(super) fn begin(
        file: PathBuf,
        project: PathBuf,
        config: Option<Value>,
    ) -> Result<Arc<Self>, PluginError> {
        if file.exists() {
            return Err(PluginError::Argument(format!(
                "{} exists; name another file with --record",
                file.display()
            )));
        }
        let (turn, state) = (tokio::sync::Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { file, project, config, turn, state }))
    }

    /// Answers clients on `listener` with what the gateway on `port` answers.
    pub(super) async fn before(self: Arc<Self>, listener: TcpListener, port: u16) {
        serve(listener, move |request| Arc::clone(&self).exchange(request, port)).await;
    }

    /// Answers the gateway on `listener` with what `upstream`, a URL without a path, answers.
    pub(super) async fn behind(self: Arc<Self>, listener: TcpListener, upstream: Upstream) {
        let upstream = Arc::new(upstream);
        serve(listener, move |request| Arc::clone(&self).reply(request, Arc::clone(&upstream))).await;
    }

    async fn exchange(self: Arc<Self>, request: Request<Incoming>, port: u16) -> Response<Full<Bytes>> {
        let _turn = self.turn.lock().await;
        self.state().upstream = None;
        let Some(request) = whole(request).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "the recorder takes bodies of 1 MiB at most\n");
        };
        let sent = recorded(&request);
        let answer = match ask_gateway(request, port).await {
            Ok(answer) => answer,
            Err(error) => return plain(StatusCode::BAD_GATEWAY, &format!("the gateway: {error}\n")),
        };
        if let Err(why) = sent.and_then(|sent| self.add(sent)) {
            _ = say(format_args!("not recorded: {why}"));
        }
        answer
    }

    async fn reply(
        self: Arc<Self>,
        request: Request<Incoming>,
        upstream: Arc<Upstream>,
    ) -> Response<Full<Bytes>> {
        let Some(request) = whole(request).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "the recorder takes bodies of 1 MiB at most\n");
        };
        match upstream.ask(request).await {
            Ok(answer) => {
                self.state().upstream = Some(answered(&answer));
                answer.map(Full::new)
            }
            Err(why) => plain(StatusCode::BAD_GATEWAY, &format!("{why}\n")),
        }
    }

    /// Adds an exchange, and writes the file anew.
    fn add(&self, request: Value) -> Result<(), String> {
        let mut state = self.state();
        let number = state.requests.len() + 1;
        if number > MOST {
            return Err(format!("{} has {MOST} requests already", self.file.display()));
        }
        let text = |field: &str| request.get(field).and_then(Value::as_str).unwrap_or_default();
        let mut scene = Map::new();
        scene.insert("name".into(), format!("{number}: {} {}", text("method"), text("path")).into());
        scene.insert("request".into(), request);
        // Without an answer of the upstream, the plugin answered.
        if let Some(upstream) = state.upstream.take() {
            scene.insert("upstream".into(), upstream?);
        }
        state.requests.push(scene.into());
        let config = self.config.clone().or_else(|| rehearsal::first_config(&self.project));
        rehearsal::write(&self.file, config, &state.requests).map_err(|error| match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who answers behind the recorder.
pub(super) struct Upstream {
    origin: String,
    connect: Connect,
}

impl Upstream {
    /// The host of `url`, and the path that the gateway is to add.
    pub(super) fn at(url: &str) -> Result<(Self, String), PluginError> {
        let wrong =
            || PluginError::Argument(format!("--upstream {url} is not a URL such as http://localhost:9000"));
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(host)) = (parsed.scheme_str(), parsed.authority()) else {
            return Err(wrong());
        };
        let connect = Connect::new(Tls::new(TlsDefaults::default()).map_err(AdminError::from)?);
        Ok((Self { origin: format!("{scheme}://{host}"), connect }, parsed.path().to_owned()))
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let url = format!("{}{target}", self.origin);
        let mut headers = head.headers;
        LEFT_OUT.iter().for_each(|name| _ = headers.remove(name));
        let url = url.parse().map_err(|_| format!("{url} is not a URL"))?;
        let request = CallRequest { method: head.method, url, headers, body: Full::new(body) };
        let failed = |error| format!("the upstream {}: {error}", self.origin);
        let mut answer = self.connect.call(request, TlsVerify::Full, CONNECT).await.map_err(failed)?;
        let body = answer.whole(BODY_BYTES).await.map_err(failed)?;
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = std::mem::take(&mut answer.headers);
        for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
        Ok(response)
    }
}

/// Answers whoever connects, for as long as it is polled.
async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    while let Ok((connection, _)) = listener.accept().await {
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        task::spawn("recorded connection", async move {
            // An error is the client's leaving.
            _ = server::Builder::new().serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

/// The request as it came, to the gateway; its answer whole.
async fn ask_gateway(
    request: Request<Bytes>,
    port: u16,
) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(connection)).await?;
    task::spawn("recorded exchange", async move { _ = connection.await });
    let mut request = request.map(Full::new);
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    let (mut head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    head.headers.remove(header::TRANSFER_ENCODING);
    Ok(Response::from_parts(head, Full::new(body)))
}

async fn whole(request: Request<Incoming>) -> Option<Request<Bytes>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await.ok()?.to_bytes();
    Some(Request::from_parts(head, body))
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// A request as a file has it.
fn recorded(request: &Request<Bytes>) -> Result<Value, String> {
    let what = format!("{} {}", request.method(), request.uri());
    let path = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut told = Map::new();
    told.insert("method".into(), request.method().as_str().into());
    told.insert("path".into(), path.into());
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    told.extend(host.map(|host| ("host".to_owned(), host.into())));
    message(told, request.headers(), request.body(), &what)
}

/// An answer of the upstream as a file has it.
fn answered(response: &Response<Bytes>) -> Result<Value, String> {
    let told = Map::from_iter([("status".to_owned(), response.status().as_u16().into())]);
    message(told, response.headers(), response.body(), "the upstream's answer")
}

fn message(
    mut told: Map<String, Value>,
    headers: &HeaderMap,
    body: &Bytes,
    what: &str,
) -> Result<Value, String> {
    let mut fields = Map::new();
    for name in headers.keys().filter(|name| !LEFT_OUT.contains(name)) {
        let mut values = Vec::new();
        for value in headers.get_all(name) {
            let text = std::str::from_utf8(value.as_bytes());
            values.push(json!(text.map_err(|_| format!("{what}: its header {name} is not text"))?));
        }
        let value = if values.len() == 1 { values.pop().unwrap_or_default() } else { values.into() };
        fields.insert(name.to_string(), value);
    }
    if !fields.is_empty() {
        told.insert("headers".into(), fields.into());
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body).map_err(|_| format!("{what}: its body is not text"))?;
        told.insert("body".into(), text.into());
    }
    Ok(told.into())
}
