//! One request from head to response, top to bottom in order of time.

use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use http::{Method, Request, Response, Version, header};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::Upload;
use super::connection::Client;
use super::error::{Page, ProxyError};
use super::finish::{Ending, Running};
use super::forward;
use super::response_phase::{self, Outcome};
use super::strict::Malformed;
use super::strict_host::is_host;
use super::unread::Coming;
use super::{ResponseBody, function, hold, protocols, real_ip, respond};
use crate::client::ClientError;
use crate::config::RouterFlavor;
use crate::exchange::{self, Capture, Exchange, Peer, RequestHead, Scheme, Timing};
use crate::model::PathHandling;
use crate::plugin_host::Flow;
use crate::router::RouteInput;
use crate::snapshot::{RoutePlan, Snapshot};

/// The next request of a connection.
pub(super) fn handle(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let begun = client.begin_request();
    answer(client, request, begun)
}

/// One request from head to response, unless it has turned out `begun` badly. Never fails: errors become
/// responses here.
pub(super) async fn answer(
    client: Rc<Client>,
    request: Request<Incoming>,
    begun: Result<(), Malformed>,
) -> Result<Response<ResponseBody>, Infallible> {
    let snapshot = client.worker.snapshots.load();
    let (exchange, body) = begin(&client, request);
    let has_room = || client.worker.room(exchange.timing.started);
    let begun = begun.map_err(ProxyError::from).and_then(|()| has_room());
    let mut checked = begun.and_then(|()| check(&exchange, &client));
    let mut exchange = exchange;
    if snapshot.global.is_before_routing() && checked.is_ok() {
        let (back, flow) = Box::pin(before_routing(&client, &snapshot, exchange)).await;
        exchange = back;
        if let Flow::Respond(answer) = flow {
            let mut ending = unrouted(&client, exchange, &snapshot);
            let outcome = response_phase::run(&mut ending, Outcome::Local(answer, Page::Kong)).await;
            return Ok(response_phase::finish(ending, outcome));
        }
        // What plugins made of the target is held to the same rules.
        checked = check(&exchange, &client);
    }
    let found = checked.and_then(|()| find(&client, &snapshot, &exchange));
    let (mut ending, outcome) = match found {
        Ok(matched) => proxied(&client, exchange, matched, body).await,
        Err(error) => {
            let mut ending = unrouted(&client, exchange, &snapshot);
            let outcome = failed(&mut ending, &error);
            (ending, outcome)
        }
    };
    let outcome = response_phase::run(&mut ending, outcome).await;
    ending.gather().await;
    Ok(response_phase::finish(ending, outcome))
}

/// Asks the global plugins that want to be asked before there is a route.
async fn before_routing(
    client: &Rc<Client>,
    snapshot: &Snapshot,
    exchange: Box<Exchange>,
) -> (Box<Exchange>, Flow) {
    let chain = Arc::clone(&snapshot.global);
    let mut run = chain.begin();
    chain.before_routing(&client.worker.instances, &mut run, exchange).await
}

fn begin(client: &Rc<Client>, request: Request<Incoming>) -> (Box<Exchange>, Coming) {
    let (head, body) = request.into_parts();
    let body = Coming::new(body, &head);
    let worker = &client.worker;
    let now = Instant::now();
    let peer = Peer {
        client: real_ip::client(client, &head.headers),
        direct: client.peer,
        listener_port: client.listener_port,
        scheme: if client.tls.is_some() { Scheme::Https } else { Scheme::Http },
    };
    let head =
        RequestHead { method: head.method, uri: head.uri, version: head.version, headers: head.headers };
    let timing = Timing::begin(now, worker.unix_ms(now));
    let mut exchange = Box::new(Exchange::begin(worker.ids.next(), timing, peer, head));
    exchange.tls.clone_from(&client.tls);
    (exchange, body)
}

/// What RFC 9112 leaves to us after hyper has parsed the head.
fn check(exchange: &Exchange, client: &Client) -> Result<(), ProxyError> {
    let request = &exchange.request;
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(ProxyError::BadRequest("more than one Host"));
    }
    if host.is_none() && request.version >= Version::HTTP_11 {
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

fn find(client: &Client, snapshot: &Snapshot, exchange: &Exchange) -> Result<Matched, ProxyError> {
    let (host, port) = split_authority(exchange);
    let path = exchange.request.uri.path();
    let input = RouteInput {
        method: &exchange.request.method,
        host,
        port,
        path,
        scheme: exchange.peer.scheme,
        headers: &exchange.request.headers,
        sni: exchange.tls.as_ref().and_then(|tls| tls.server_name.as_deref()),
        query: exchange.request.uri.query(),
        source: exchange.peer.client,
        destination: client.destination,
    };
    let (plan, found) = snapshot.find(&input).ok_or(ProxyError::NoRoute)?;
    let strip = plan.facts.route.strip_path;
    let latest = match client.worker.settings.router_flavor {
        RouterFlavor::Traditional => PathHandling::V1,
        // Kong has no other there.
        RouterFlavor::TraditionalCompatible | RouterFlavor::Expressions => PathHandling::V0,
    };
    let upstream_path = plan.upstream_path(&found, latest);
    if exchange::hides_dots(&upstream_path) {
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
    if let Some(answer) = protocols::refuse(&exchange, &plan.facts.route, client.headers.trusted) {
        let ending = Ending::new(Rc::clone(client), Running { exchange, chain, run });
        return (ending, Outcome::Local(answer, Page::Kong));
    }
    let (exchange, flow) = chain.on_request(&client.worker.instances, &mut run, exchange).await;
    let mut ending = Ending::new(Rc::clone(client), Running { exchange, chain, run });
    let outcome = match flow {
        Flow::Continue => {
            let upload = Upload { coming: body, held: None };
            ending.gather().await;
            onward(&mut ending, &matched, upload).await
        }
        Flow::Respond(answer) => Ok(Outcome::Local(answer, Page::Kong)),
        // Boxed, because it is rare: it shall not make every request's future larger.
        Flow::Collect(most) => Box::pin(collected(&mut ending, &matched, most, body)).await,
    };
    let outcome = outcome.unwrap_or_else(|error| failed(&mut ending, &error));
    (ending, outcome)
}

/// A request with a body that a plugin wants to see before the head goes on.
async fn collected(
    ending: &mut Ending,
    matched: &Matched,
    most: u64,
    coming: Coming,
) -> Result<Outcome, ProxyError> {
    let mut upload = Upload { coming, held: None };
    match hold::request(ending, most, &mut upload).await? {
        Flow::Respond(answer) => Ok(Outcome::Local(answer, Page::Kong)),
        Flow::Continue | Flow::Collect(_) => onward(ending, matched, upload).await,
    }
}

/// To the function of the route if it has one, else to the upstream.
async fn onward(ending: &mut Ending, matched: &Matched, upload: Upload) -> Result<Outcome, ProxyError> {
    if matched.plan.chain.has_function()
        && let Some(function) = ending.function()
    {
        return Box::pin(function::send(ending, matched, upload, function)).await;
    }
    forward::send(ending, matched, upload).await.map(Outcome::Proxied)
}

/// A request without a route, since none matches or it is refused: only global plugins see it.
fn unrouted(client: &Rc<Client>, exchange: Box<Exchange>, snapshot: &Snapshot) -> Ending {
    let chain = Arc::clone(&snapshot.global);
    let run = chain.begin();
    Ending::new(Rc::clone(client), Running { exchange, chain, run })
}

fn failed(ending: &mut Ending, error: &ProxyError) -> Outcome {
    if let Some(exchange) = ending.exchange() {
        let request_id = exchange.id.as_str();
        if let ProxyError::Upstream(ClientError::Tls { address, source }) = error {
            // What the client is told does not say it, and only an operator can mend it.
            tracing::warn!(request_id, %address, reason = %source, "TLS with the upstream failed");
        }
        tracing::debug!(request_id, error = error as &dyn std::error::Error, blame = ?error.blame(), "not proxied");
    }
    Outcome::Local(respond::from_error(error), error.page())
}
