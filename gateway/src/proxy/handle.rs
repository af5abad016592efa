//! One request from head to response, top to bottom in order of time.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, Entry};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connection::Client;
use super::error::{Page, ProxyError};
use super::finish::{Ending, Running};
use super::forward::{self, Answered};
use super::strict_host::is_host;
use super::strict_path::hides_dots;
use super::unread::Coming;
use super::{ResponseBody, headers, real_ip, respond};
use crate::exchange::{
    self, Capture, Exchange, LocalAnswer, Peer, RequestHead, ResponseHead, Scheme, Timing,
};
use crate::plugin_host::{Flow, ResponseFlow};
use crate::router::RouteInput;
use crate::snapshot::{RoutePlan, Snapshot};

/// How an exchange was answered.
enum Outcome {
    Proxied(Answered),
    Local(LocalAnswer, Page),
}

/// One request from head to response. Never fails: errors become responses here.
pub(super) async fn handle(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let begun = client.begin_request().map_err(ProxyError::from);
    let snapshot = client.worker.snapshots.load();
    let (exchange, body) = begin(&client, request);
    let found = begun.and_then(|()| check(&exchange, &client)).and_then(|()| find(&snapshot, &exchange));
    let (mut ending, outcome) = match found {
        Ok(matched) => proxied(&client, exchange, matched, body).await,
        Err(error) => unmatched(&client, exchange, &snapshot, &error).await,
    };
    let outcome = respond_phase(&mut ending, outcome).await;
    Ok(finish(ending, outcome))
}

fn begin(client: &Rc<Client>, request: Request<Incoming>) -> (Box<Exchange>, Coming) {
    let (head, body) = request.into_parts();
    let body = Coming::new(body, &head.headers);
    let worker = &client.worker;
    let now = Instant::now();
    let peer = Peer {
        client: real_ip::client(client, &head.headers),
        direct: client.peer,
        listener_port: client.listener_port,
        scheme: Scheme::Http,
    };
    let head =
        RequestHead { method: head.method, uri: head.uri, version: head.version, headers: head.headers };
    let timing = Timing::begin(now, worker.unix_ms(now));
    (Box::new(Exchange::begin(worker.ids.next(), timing, peer, head)), body)
}

/// What RFC 9112 leaves to us after hyper has parsed the head.
fn check(exchange: &Exchange, client: &Client) -> Result<(), ProxyError> {
    let request = &exchange.request;
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(ProxyError::BadRequest("more than one Host"));
    }
    if host.is_none() && request.version == Version::HTTP_11 {
        return Err(ProxyError::BadRequest("no Host"));
    }
    if host.is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(ProxyError::BadRequest("invalid Host"));
    }
    if request.method == Method::CONNECT {
        return Err(ProxyError::BadRequest("CONNECT is not served"));
    }
    let announced = request.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length| client.is_too_large(length)) {
        return Err(ProxyError::BodyTooLarge);
    }
    let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > client.worker.settings.client_max_uri_size {
        return Err(ProxyError::UriTooLong);
    }
    Ok(())
}

/// The route of a request, and what its path condition made of the path.
pub(super) struct Matched {
    pub(super) plan: Arc<RoutePlan>,
    /// The path for the upstream; `None` if it is the client's own.
    pub(super) path: Option<String>,
    /// What was stripped from the path, if it is worth a header.
    pub(super) prefix: Option<String>,
    captures: Vec<Capture>,
}

fn find(snapshot: &Snapshot, exchange: &Exchange) -> Result<Matched, ProxyError> {
    let (host, port) = split_authority(exchange);
    let path = exchange.request.uri.path();
    let input = RouteInput {
        method: &exchange.request.method,
        host,
        port,
        path,
        scheme: exchange.peer.scheme,
        headers: &exchange.request.headers,
        sni: None,
    };
    let (plan, found) = snapshot.find(&input).ok_or(ProxyError::NoRoute)?;
    let strip = plan.facts.route.strip_path;
    let service_path = plan.facts.service.as_ref().and_then(|service| service.path.as_deref());
    let upstream_path = found.upstream_path(service_path, strip);
    if hides_dots(&upstream_path) {
        return Err(ProxyError::BadRequest("a dot segment in disguise"));
    }
    let changed = (upstream_path != path).then(|| upstream_path.clone().into_owned());
    let prefix = Some(found.matched_prefix()).filter(|prefix| strip && prefix.len() > 1);
    let prefix = prefix.map(|prefix| String::from_utf8_lossy(prefix).into_owned());
    Ok(Matched { plan: Arc::clone(plan), path: changed, prefix, captures: found.captures })
}

fn split_authority(exchange: &Exchange) -> (&str, u16) {
    let authority = exchange.authority();
    let host = exchange::host_without_port(authority);
    let port = authority.get(host.len() + 1..).and_then(|port| port.parse().ok());
    (host, port.unwrap_or(exchange.peer.listener_port))
}

/// A request that a route matches: plugins, then the upstream.
async fn proxied(
    client: &Rc<Client>,
    mut exchange: Box<Exchange>,
    mut matched: Matched,
    body: Coming,
) -> (Ending, Outcome) {
    let plan = &matched.plan;
    exchange.captures = std::mem::take(&mut matched.captures);
    exchange.route = Some(Arc::clone(&plan.facts));
    let chain = Arc::clone(&plan.chain);
    let mut run = chain.begin();
    if let Some(answer) = respond::https_only(&exchange, &plan.facts.route) {
        let ending = Ending::new(Rc::clone(client), Running { exchange, chain, run });
        return (ending, Outcome::Local(answer, Page::Kong));
    }
    let (exchange, flow) = chain.on_request(&client.worker.instances, &mut run, exchange).await;
    let mut ending = Ending::new(Rc::clone(client), Running { exchange, chain, run });
    let outcome = match flow {
        Flow::Continue => forward::send(&mut ending, &matched, body).await.map(Outcome::Proxied),
        Flow::Respond(answer) => Ok(Outcome::Local(answer, Page::Kong)),
    };
    let outcome = outcome.unwrap_or_else(|error| failed(&mut ending, &error));
    (ending, outcome)
}

/// A request that no route matches, or that is refused: only global plugins see it.
async fn unmatched(
    client: &Rc<Client>,
    exchange: Box<Exchange>,
    snapshot: &Snapshot,
    error: &ProxyError,
) -> (Ending, Outcome) {
    let chain = Arc::clone(&snapshot.global);
    let run = chain.begin();
    let mut ending = Ending::new(Rc::clone(client), Running { exchange, chain, run });
    let outcome = failed(&mut ending, error);
    (ending, outcome)
}

fn failed(ending: &mut Ending, error: &ProxyError) -> Outcome {
    if let Some(exchange) = ending.exchange() {
        tracing::debug!(request_id = exchange.id.as_str(), error = error as &dyn std::error::Error, blame = ?error.blame(), "not proxied");
    }
    Outcome::Local(respond::from_error(error), error.page())
}

/// The response head is there: edits that wait for it, then the plugins' response phase.
async fn respond_phase(ending: &mut Ending, outcome: Outcome) -> Outcome {
    let Some(mut running) = ending.running.take() else { return outcome };
    let (mut outcome, upstream_status, status, headers) = match outcome {
        Outcome::Proxied(mut answered) => {
            let headers = std::mem::take(&mut answered.headers);
            let status = answered.status;
            (Outcome::Proxied(answered), Some(status), status, headers)
        }
        Outcome::Local(mut answer, page) => {
            let headers = std::mem::take(&mut answer.headers);
            let status = answer.status;
            (Outcome::Local(answer, page), None, status, headers)
        }
    };
    let exchange = &mut running.exchange;
    exchange.response = Some(ResponseHead { status, headers, upstream_status });
    let edits = std::mem::take(&mut exchange.response_edits);
    if let Some(response) = &mut exchange.response {
        exchange::apply(edits, &mut response.headers);
    }
    if !running.chain.is_empty() {
        let Running { exchange, chain, mut run } = running;
        let (exchange, flow) = chain.on_response(&ending.client.worker.instances, &mut run, exchange).await;
        running = Running { exchange, chain, run };
        if let ResponseFlow::Replace(mut answer) = flow {
            let headers = std::mem::take(&mut answer.headers);
            running.exchange.response =
                Some(ResponseHead { status: answer.status, headers, upstream_status });
            outcome = Outcome::Local(answer, Page::Kong);
        }
    }
    ending.running = Some(running);
    outcome
}

/// Puts head and body together; from here on the body carries the exchange.
fn finish(mut ending: Ending, outcome: Outcome) -> Response<ResponseBody> {
    let worker = Rc::clone(&ending.client.worker);
    let Some(running) = &mut ending.running else {
        return Response::new(ResponseBody::local(Bytes::new(), ending));
    };
    let (keeps_headers, is_plain) = (running.chain.logs(), running.chain.is_empty());
    let exchange = &mut running.exchange;
    // Without plugins nothing has happened since the upstream answered that would be worth a look at the clock.
    let answered = exchange.timing.upstream_answered.filter(|_| is_plain);
    exchange.timing.answered = answered.or_else(|| Some(Instant::now()));
    let mut head = match &mut exchange.response {
        Some(response) => std::mem::take(&mut response.headers),
        None => HeaderMap::new(),
    };
    let local = match outcome {
        Outcome::Proxied(answered) => Err(answered.body),
        Outcome::Local(answer, page) => Ok(render(exchange, answer, page, &mut head)),
    };
    headers::to_client(exchange, local.is_err(), &worker.settings.headers, &mut head);
    if let Entry::Vacant(date) = head.entry(header::DATE) {
        date.insert(worker.date());
    }
    let mut status = StatusCode::INTERNAL_SERVER_ERROR;
    if let Some(response) = &mut exchange.response {
        status = response.status;
        if keeps_headers {
            response.headers = head.clone();
        }
    }
    let mut response = Response::new(match local {
        Ok(bytes) => ResponseBody::local(bytes, ending),
        Err(body) => ResponseBody::upstream(body, ending),
    });
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}

/// Writes a local answer's body; its status may change on the way (gRPC), its length is announced
/// also where the body itself is left out (HEAD).
fn render(exchange: &mut Exchange, mut answer: LocalAnswer, page: Page, head: &mut HeaderMap) -> Bytes {
    if let Some(response) = &exchange.response {
        answer.status = response.status;
    }
    let bytes = respond::render(exchange, &mut answer, page);
    head.extend(answer.headers);
    if let Some(response) = &mut exchange.response {
        response.status = answer.status;
    }
    if exchange.request.method != Method::HEAD {
        return bytes;
    }
    head.insert(header::CONTENT_LENGTH, bytes.len().into());
    Bytes::new()
}
