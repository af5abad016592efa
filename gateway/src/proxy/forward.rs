//! Attempts to get an answer from the upstream, until there is one or an error.
//!
//! A request goes out a second time only if nothing of it was written, or if it has no body, is
//! idempotent, and the connection was an old one that the upstream may have closed meanwhile.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use super::body::{Held, Patience, RequestBody, Upload, UpstreamBody};
use super::connection::Client;
use super::deadline::Wait;
use super::error::ProxyError;
use super::finish::{Ending, Running};
use super::handle::Matched;
use super::headers::{self, Forwarded};
use crate::client::{ClientError, Connection, Endpoint, ExchangeError, HeadWriter, ResponseHead};
use crate::exchange::{Exchange, Try, host_without_port};
use crate::plugin_host::Direction;
use crate::snapshot::Upstream;

/// The upstream's answer, its body still to be read.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: UpstreamBody,
    /// What was read of the body for a plugin that wanted to see it.
    pub(super) held: Option<Held>,
}

/// Sends the request to the route's service.
///
/// # Errors
///
/// Any [`ProxyError`] but those of routing.
pub(super) async fn send(
    ending: &mut Ending,
    matched: &Matched,
    upload: Upload,
) -> Result<Answered, ProxyError> {
    let upstream = matched.plan.upstream.as_ref().ok_or(ProxyError::NoService)?;
    let client = Rc::clone(&ending.client);
    let Running { exchange, chain, run } = ending.running.as_mut().ok_or(ProxyError::NoService)?;
    // Plugins take time; without them it is still the moment at which the request came.
    let came = Some(exchange.timing.started).filter(|_| chain.is_empty());
    let filter = chain.filter(Direction::Request, run, exchange);
    exchange.upstream_path = Some(target(exchange, matched)?);
    let host = upstream_host(exchange, upstream);
    let endpoint = endpoint(exchange, upstream, &host);
    let patience = Patience { write: upstream.write_timeout, read: upstream.read_timeout };
    let body = RequestBody::new(upload, filter, Rc::clone(&client), patience);
    let route = Forwarded { host: &host, prefix: matched.prefix.as_deref() };
    let mut attempts =
        Attempts { client: &client, exchange, endpoint: &endpoint, upstream, route, failed: 0, now: came };
    let (head, connection) = attempts.run(body).await?;
    if head.status == StatusCode::SWITCHING_PROTOCOLS && !agrees(exchange, &head.headers) {
        let unasked = ExchangeError::Malformed("it switches to another protocol than was asked for");
        return Err(ProxyError::Upstream(unasked.into()));
    }
    let mut headers = head.headers;
    headers::from_upstream(&mut headers);
    let body = UpstreamBody::of(connection, endpoint, upstream.read_timeout);
    Ok(Answered { status: head.status, headers, body, held: None })
}

/// Whether a 101 names the protocol that the client asked for.
fn agrees(exchange: &Exchange, headers: &HeaderMap) -> bool {
    let (asked, given) = (headers::upgrade(exchange), headers.get(header::UPGRADE));
    asked.zip(given).is_some_and(|(asked, given)| asked.as_bytes().eq_ignore_ascii_case(given.as_bytes()))
}

fn endpoint(exchange: &Exchange, upstream: &Upstream, host: &HeaderValue) -> Endpoint {
    let mut endpoint = upstream.endpoint.clone();
    if let Some(changed) = &exchange.target.upstream {
        let (host, port) = match changed.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(endpoint.port)),
            None => (changed.as_str(), endpoint.port),
        };
        (endpoint.host, endpoint.port) = (host.into(), port);
    }
    if let Some(tls) = &mut endpoint.tls
        && *host != upstream.host_header
        && let Ok(name) = host.to_str()
    {
        // As in Kong, the name that is asked for by TLS is the one that is asked for by HTTP.
        let name = host_without_port(name);
        tls.name = name.trim_start_matches('[').trim_end_matches(']').into();
    }
    endpoint
}

/// Path and query for the upstream: a plugin's, else the route's. The client's own bytes are shared
/// where nothing changes.
pub(super) fn target(exchange: &Exchange, matched: &Matched) -> Result<PathAndQuery, ProxyError> {
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
    route: Forwarded<'a>,
    failed: u32,
    /// The time, where it is known without a look at the clock.
    now: Option<Instant>,
}

impl Attempts<'_> {
    async fn run(
        &mut self,
        mut body: RequestBody,
    ) -> Result<(ResponseHead, Box<Connection<RequestBody>>), ProxyError> {
        loop {
            let pooled = self.client.worker.pool.take(self.endpoint);
            let is_pooled = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => self.open().await?,
            };
            let now = self.now.take().filter(|_| is_pooled).unwrap_or_else(Instant::now);
            self.note_try(connection.address(), now, None);
            let spare = self.spare(&body, &connection);
            self.begin(&mut connection, body);
            match self.once(&mut connection, now).await? {
                Ok(head) => return Ok((head, connection)),
                Err(error) => body = self.again(error, &mut connection, spare)?,
            }
        }
    }

    /// The body for another attempt after one that failed, if there may be one.
    fn again(
        &mut self,
        error: ExchangeError,
        connection: &mut Connection<RequestBody>,
        spare: Option<RequestBody>,
    ) -> Result<RequestBody, ProxyError> {
        self.note_failure("failed");
        // Old connections may all be dead, and are few; an upstream that takes new ones and drops them
        // at once could go on for ever.
        if connection.requests() == 1 && self.failed > self.upstream.retries {
            return Err(self.blamed(error));
        }
        let unsent = connection.take_unsent().map(RequestBody::anew);
        let unanswered = spare.filter(|_| !connection.has_answered());
        unsent.or(unanswered).ok_or_else(|| self.blamed(error))
    }

    /// The request as it leaves: Kong's path rules, header rules, and the edits of plugins.
    fn begin(&self, connection: &mut Connection<RequestBody>, body: RequestBody) {
        let exchange = &*self.exchange;
        let method = method(exchange);
        let target = exchange.upstream_path.as_ref().map_or("/", PathAndQuery::as_str);
        let fields = |head: &mut HeadWriter<'_>| {
            headers::to_upstream(exchange, &self.client.headers, &self.route, head);
        };
        connection.begin(method, target, fields, body);
        if headers::upgrade(exchange).is_some() {
            connection.may_upgrade();
        }
    }

    /// An attempt also fails when the request's own body turns out too large, or a plugin stops it.
    fn blamed(&self, error: ExchangeError) -> ProxyError {
        upload_error(self.client).unwrap_or_else(|| ClientError::Response(error).into())
    }

    /// A second body for a request that could be sent twice and may have to be, since its connection
    /// is an old one.
    fn spare(&self, body: &RequestBody, connection: &Connection<RequestBody>) -> Option<RequestBody> {
        if connection.requests() == 0 || !is_idempotent(method(self.exchange)) {
            return None;
        }
        body.again()
    }

    /// Opens a connection: each address in turn, as often as Kong's `retries` allow.
    async fn open(&mut self) -> Result<Box<Connection<RequestBody>>, ProxyError> {
        let pool = &self.client.worker.pool;
        let addresses = pool.resolve(self.endpoint).await?;
        let mut next = addresses.iter().cycle();
        loop {
            let Some(address) = next.next() else { return Err(ProxyError::UpstreamTimeout) };
            let began = Instant::now();
            match pool.open(self.endpoint, *address, self.upstream.connect_timeout).await {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    self.note_try(*address, began, Some(began.elapsed()));
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
        now: Instant,
    ) -> Result<Result<ResponseHead, ExchangeError>, ProxyError> {
        let deadline = &self.client.deadline;
        deadline.arm(Wait::Upstream, self.upstream.read_timeout);
        self.exchange.timing.upstream_sent = Some(now);
        let answer = poll_fn(|cx| match connection.poll_response(cx) {
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

    fn note_try(&mut self, address: SocketAddr, now: Instant, connect: Option<Duration>) {
        let started_unix_ms = self.client.worker.unix_ms(now);
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

/// What was wrong with the request's body, if that is known.
pub(super) fn upload_error(client: &Client) -> Option<ProxyError> {
    let stopped = client.take_stopped().map(ProxyError::Plugin);
    stopped.or_else(|| client.has_sent_too_much().then_some(ProxyError::BodyTooLarge))
}

/// The method for the upstream: a plugin's, else the client's.
pub(super) fn method(exchange: &Exchange) -> &Method {
    exchange.target.method.as_ref().unwrap_or(&exchange.request.method)
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::TRACE].contains(method)
}
