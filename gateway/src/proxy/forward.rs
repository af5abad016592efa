//! Attempts to get an answer from the upstream, until there is one or an error.
//!
//! A request goes out a second time only if nothing of it was written, or if it has no body, is
//! idempotent, and the connection was an old one that the upstream may have closed meanwhile.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::{Lease, RequestBody, UpstreamBody};
use super::connection::Client;
use super::deadline::Wait;
use super::error::ProxyError;
use super::finish::Ending;
use super::handle::Matched;
use super::headers::{self, Forwarded};
use super::unread::Coming;
use crate::client::{ClientError, Connection, Endpoint};
use crate::exchange::{Exchange, Try};
use crate::snapshot::Upstream;

/// The upstream's answer, its body still to be read.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: UpstreamBody,
}

/// Sends the request to the route's service.
///
/// # Errors
///
/// Any [`ProxyError`] but those of routing.
pub(super) async fn send(
    ending: &mut Ending,
    matched: &Matched,
    incoming: Coming,
) -> Result<Answered, ProxyError> {
    let upstream = matched.plan.upstream.as_ref().ok_or(ProxyError::NoService)?;
    let client = Rc::clone(&ending.client);
    let exchange = ending.exchange().ok_or(ProxyError::NoService)?;
    let endpoint = endpoint(exchange, upstream);
    let body = RequestBody::new(incoming, Rc::clone(&client), upstream.write_timeout, upstream.read_timeout);
    let request = outgoing(exchange, &client, upstream, matched, body)?;
    let mut attempts = Attempts { client: &client, exchange, endpoint: &endpoint, upstream, failed: 0 };
    let (response, connection) = attempts.run(request).await?;
    Ok(answered(client, endpoint, upstream, response, connection))
}

fn endpoint(exchange: &Exchange, upstream: &Upstream) -> Endpoint {
    let Some(changed) = &exchange.target.upstream else { return upstream.endpoint.clone() };
    let (host, port) = match changed.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(upstream.endpoint.port)),
        None => (changed.as_str(), upstream.endpoint.port),
    };
    Endpoint { host: host.into(), port, tls: upstream.endpoint.tls }
}

/// The request as it leaves: Kong's path rules, header rules, and the edits of plugins.
fn outgoing(
    exchange: &mut Exchange,
    client: &Client,
    upstream: &Upstream,
    matched: &Matched,
    body: RequestBody,
) -> Result<Request<RequestBody>, ProxyError> {
    let target = target(exchange, matched)?;
    exchange.upstream_path = Some(target.as_str().to_owned());
    let host = upstream_host(exchange, upstream);
    let forwarded = Forwarded { host, prefix: matched.prefix.as_deref() };
    let headers = headers::to_upstream(exchange, &client.headers, &forwarded);
    let mut request = Request::new(body);
    *request.method_mut() = exchange.target.method.clone().unwrap_or_else(|| exchange.request.method.clone());
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    Ok(request)
}

/// Path and query for the upstream: a plugin's, else the route's. The client's own bytes are shared
/// where nothing changes.
fn target(exchange: &Exchange, matched: &Matched) -> Result<PathAndQuery, ProxyError> {
    let own = exchange.request.uri.path_and_query();
    let changed = &exchange.target;
    let path = changed.path.as_deref().or(matched.path.as_deref());
    if let (None, None, Some(own)) = (path, &changed.query, own) {
        return Ok(own.clone());
    }
    let path = path.or(own.map(PathAndQuery::path)).unwrap_or("/");
    let query = changed.query.as_deref().or(own.and_then(PathAndQuery::query));
    let target = match query {
        Some(query) if !query.is_empty() || changed.query.is_none() => format!("{path}?{query}"),
        Some(_) | None => path.to_owned(),
    };
    PathAndQuery::try_from(target).map_err(|_| ProxyError::BadRequest("the target is not a valid path"))
}

/// Kong's order: set by a plugin, the client's own if it is preserved, the service's.
fn upstream_host(exchange: &Exchange, upstream: &Upstream) -> HeaderValue {
    let preserve = exchange.route.as_ref().is_some_and(|facts| facts.route.preserve_host);
    let changed = exchange.target.host.as_deref().and_then(|host| HeaderValue::from_str(host).ok());
    let preserved = || preserve.then(|| exchange.request.headers.get(header::HOST).cloned()).flatten();
    changed.or_else(preserved).unwrap_or_else(|| upstream.host_header.clone())
}

/// The attempts of one request.
struct Attempts<'a> {
    client: &'a Rc<Client>,
    exchange: &'a mut Exchange,
    endpoint: &'a Endpoint,
    upstream: &'a Upstream,
    failed: u32,
}

type Answer = (Response<Incoming>, Connection<RequestBody>);

impl Attempts<'_> {
    async fn run(&mut self, request: Request<RequestBody>) -> Result<Answer, ProxyError> {
        let mut request = request;
        loop {
            let pooled = self.client.worker.pool.take(self.endpoint);
            let mut connection = match pooled {
                Some(connection) => connection,
                None => self.open().await?,
            };
            let spare = self.spare(&request, &connection);
            self.note_try(connection.address(), None);
            match self.once(&mut connection, request).await? {
                Ok(response) => return Ok((response, connection)),
                Err((error, unsent)) => {
                    self.note_failure("failed");
                    request = unsent.or(spare).ok_or_else(|| self.blamed(error))?;
                }
            }
        }
    }

    /// An attempt also fails when the request's own body turns out too large.
    fn blamed(&self, error: ClientError) -> ProxyError {
        if self.client.has_sent_too_much() { ProxyError::BodyTooLarge } else { error.into() }
    }

    /// A copy of the request, if it could be sent twice and may have to be.
    fn spare(
        &self,
        request: &Request<RequestBody>,
        connection: &Connection<RequestBody>,
    ) -> Option<Request<RequestBody>> {
        if !connection.is_reused() || !is_idempotent(request.method()) {
            return None;
        }
        let mut spare = Request::new(request.body().empty_again()?);
        *spare.method_mut() = request.method().clone();
        *spare.uri_mut() = request.uri().clone();
        *spare.headers_mut() = request.headers().clone();
        Some(spare)
    }

    /// Opens a connection: each address in turn, as often as Kong's `retries` allow.
    async fn open(&mut self) -> Result<Connection<RequestBody>, ProxyError> {
        let pool = &self.client.worker.pool;
        let addresses = pool.resolve(self.endpoint).await?;
        let mut next = addresses.iter().cycle();
        loop {
            let Some(address) = next.next() else { return Err(ProxyError::UpstreamTimeout) };
            let began = Instant::now();
            match pool.open(self.endpoint, *address, self.upstream.connect_timeout).await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    self.note_try(*address, Some(began.elapsed()));
                    self.note_failure("failed");
                    self.may_go_on(error)?;
                }
            }
        }
    }

    fn may_go_on(&self, error: ClientError) -> Result<(), ProxyError> {
        if self.failed > self.upstream.retries { Err(error.into()) } else { Ok(()) }
    }

    /// One attempt on one connection. The outer error is final: the upstream had its time.
    async fn once(
        &mut self,
        connection: &mut Connection<RequestBody>,
        request: Request<RequestBody>,
    ) -> Result<Result<Response<Incoming>, (ClientError, Option<Request<RequestBody>>)>, ProxyError> {
        let deadline = &self.client.deadline;
        deadline.arm(Wait::Upstream, self.upstream.read_timeout);
        self.exchange.timing.upstream_sent = Some(Instant::now());
        let mut answer = pin!(connection.send(request));
        let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if deadline.upstream_is_late() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        deadline.disarm();
        let answer = answer.ok_or(ProxyError::UpstreamTimeout)?;
        if answer.is_ok() {
            self.exchange.timing.upstream_answered = Some(Instant::now());
        }
        Ok(answer)
    }

    fn note_try(&mut self, address: SocketAddr, connect: Option<Duration>) {
        let started_unix_ms = self.client.worker.unix_ms(Instant::now());
        self.exchange.tries.push(Try {
            address,
            started_unix_ms,
            connect: connect.unwrap_or_default(),
            failure: None,
        });
    }

    fn note_failure(&mut self, how: &'static str) {
        self.failed += 1;
        if let Some(last) = self.exchange.tries.last_mut() {
            last.failure = Some(how);
        }
    }
}

fn answered(
    client: Rc<Client>,
    endpoint: Endpoint,
    upstream: &Upstream,
    response: Response<Incoming>,
    connection: Connection<RequestBody>,
) -> Answered {
    let (head, incoming) = response.into_parts();
    let mut headers = head.headers;
    headers::from_upstream(&mut headers);
    let lease = Lease { worker: Rc::clone(&client.worker), endpoint, connection: Some(connection) };
    Answered {
        status: head.status,
        headers,
        body: UpstreamBody { incoming, read_timeout: upstream.read_timeout, lease },
    }
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::TRACE].contains(method)
}
