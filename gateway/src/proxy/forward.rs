//! Attempts to get an answer from the upstream, until there is one or an error.
//!
//! A request goes out a second time only if nothing of it was written, or if it is idempotent, its body is
//! at hand whole, and no byte of an answer came. How often, Kong's `retries` say; a connection that was an
//! old one, which the upstream may have closed meanwhile, does not count.

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
use super::place::{Chooser, Place};
use crate::balancer::Outcome;
use crate::client::{ClientError, Connection, ExchangeError, HeadWriter, ResponseHead};
use crate::exchange::{Exchange, Try};
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
    let host = asked_host(exchange);
    let patience = Patience { write: upstream.write_timeout, read: upstream.read_timeout };
    let body = RequestBody::new(upload, filter, Rc::clone(&client), patience);
    let places = Chooser::new(&client, exchange, upstream);
    let prefix = matched.prefix.as_deref();
    let mut attempts =
        Attempts { client: &client, places, upstream, prefix, host, failed: 0, taken: 0, now: came };
    let Won { head, connection, place } = attempts.run(exchange, body).await?;
    if head.status == StatusCode::SWITCHING_PROTOCOLS && !agrees(exchange, &head.headers) {
        let unasked = ExchangeError::Malformed("it switches to another protocol than was asked for");
        return Err(ProxyError::Upstream(unasked.into()));
    }
    let mut headers = head.headers;
    headers::from_upstream(&mut headers);
    let body = UpstreamBody::of(connection, place.endpoint, upstream.read_timeout);
    // In flight until the exchange is over.
    ending.lease = place.lease;
    Ok(Answered { status: head.status, headers, body, held: None })
}

/// Whether a 101 names the protocol that the client asked for, alone or in a list (RFC 9110 section 7.8).
fn agrees(exchange: &Exchange, headers: &HeaderMap) -> bool {
    let Some(asked) = headers::upgrade(exchange) else { return false };
    let names = |given: &HeaderValue| {
        given
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|one| one.trim_ascii().eq_ignore_ascii_case(asked.as_bytes()))
    };
    headers.get_all(header::UPGRADE).iter().any(names)
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

/// Kong's order: set by a plugin, the client's own if it is preserved. `None` leaves it to the place.
fn asked_host(exchange: &Exchange) -> Option<HeaderValue> {
    let preserve = exchange.route.as_ref().is_some_and(|facts| facts.route.preserve_host);
    let changed = exchange.target.host.as_deref().and_then(|host| HeaderValue::from_str(host).ok());
    let preserved = || preserve.then(|| exchange.request.headers.get(header::HOST).cloned()).flatten();
    changed.or_else(preserved)
}

/// The attempts of one request.
struct Attempts<'a> {
    client: &'a Rc<Client>,
    places: Chooser<'a>,
    upstream: &'a Upstream,
    prefix: Option<&'a str>,
    host: Option<HeaderValue>,
    failed: u32,
    /// Attempts that the budget has paid for.
    taken: u32,
    /// The time, where it is known without a look at the clock.
    now: Option<Instant>,
}

/// The attempt that had an answer.
struct Won {
    head: ResponseHead,
    connection: Box<Connection<RequestBody>>,
    place: Place,
}

/// Why an attempt had none.
enum Failure {
    Broken(ExchangeError),
    /// The upstream had its time.
    Late,
}

impl Attempts<'_> {
    async fn run(&mut self, exchange: &mut Exchange, mut body: RequestBody) -> Result<Won, ProxyError> {
        let mut place = self.places.next(exchange, self.host.as_ref()).await?;
        loop {
            let pooled = self.client.worker.pool.take(&place.endpoint);
            let is_pooled = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => match self.open(exchange, &place).await? {
                    Some(connection) => connection,
                    None => {
                        place = self.places.next(exchange, self.host.as_ref()).await?;
                        continue;
                    }
                },
            };
            let now = self.now.take().filter(|_| is_pooled).unwrap_or_else(Instant::now);
            if is_pooled {
                self.note_try(exchange, place.address, now, Duration::ZERO);
            }
            let spare = self.spare(&body, exchange);
            self.begin(exchange, &mut connection, body, &place);
            let failure = match self.once(exchange, &mut connection, now).await {
                Ok(head) => {
                    answered(exchange, &place, head.status);
                    self.give_back(exchange);
                    return Ok(Won { head, connection, place });
                }
                Err(failure) => failure,
            };
            // Connections that were there before may all be dead, and are few: that says nothing about the place.
            let is_old = is_pooled || connection.requests() > 1;
            let stale = is_old && matches!(failure, Failure::Broken(_));
            body = self.again(exchange, failure, (&mut connection, is_old, spare), &place)?;
            if !stale {
                place = self.places.next(exchange, self.host.as_ref()).await?;
            }
        }
    }

    /// The body for another attempt after one that failed, if there may be one.
    fn again(
        &mut self,
        exchange: &mut Exchange,
        failure: Failure,
        (connection, is_old, spare): (&mut Connection<RequestBody>, bool, Option<RequestBody>),
        place: &Place,
    ) -> Result<RequestBody, ProxyError> {
        let (outcome, error) = match failure {
            // The request's own body broke off: the place has no part in it.
            Failure::Broken(error @ ExchangeError::RequestBody(_)) => return Err(self.blamed(error)),
            Failure::Broken(error) => (Outcome::TcpFailure, self.blamed(error)),
            Failure::Late => (Outcome::Timeout, ProxyError::UpstreamTimeout),
        };
        let stale = is_old && outcome == Outcome::TcpFailure;
        if stale {
            note_failure(exchange, outcome);
        } else {
            self.failed(exchange, place, outcome);
            if self.failed > self.upstream.retries {
                return Err(error);
            }
        }
        if let Some(unsent) = connection.take_unsent() {
            return Ok(RequestBody::anew(unsent));
        }
        match spare.filter(|_| !connection.has_answered()) {
            Some(unanswered) if stale || self.may_repeat(exchange) => Ok(unanswered),
            Some(_) | None => Err(error),
        }
    }

    /// There is an answer: what was taken from the budget was worth it.
    fn give_back(&self, exchange: &Exchange) {
        if self.taken > 0 {
            self.client.worker.retries.give_back(exchange.route.as_ref(), self.taken);
        }
    }

    /// Whether the budget pays for one more attempt of a request that an upstream has seen.
    fn may_repeat(&mut self, exchange: &Exchange) -> bool {
        let worker = &self.client.worker;
        let may = worker.retries.take(exchange.route.as_ref(), &worker.metrics);
        self.taken += u32::from(may);
        may
    }

    /// The request as it leaves: Kong's path rules, header rules, and the edits of plugins.
    fn begin(
        &self,
        exchange: &Exchange,
        connection: &mut Connection<RequestBody>,
        body: RequestBody,
        place: &Place,
    ) {
        let method = method(exchange);
        let target = exchange.upstream_path.as_ref().map_or("/", PathAndQuery::as_str);
        let host = self.host.as_ref().or(place.host_header()).unwrap_or(&self.upstream.host_header);
        let route = Forwarded { host, prefix: self.prefix };
        let fields = |head: &mut HeadWriter<'_>| {
            headers::to_upstream(exchange, &self.client.headers, &route, head);
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

    /// A second body for a request that could be sent twice. Another method than an idempotent one is not,
    /// as nginx has it (`proxy_next_upstream` without `non_idempotent`).
    fn spare(&self, body: &RequestBody, exchange: &Exchange) -> Option<RequestBody> {
        if is_idempotent(method(exchange)) { body.again() } else { None }
    }

    /// Opens a connection; `None` if that failed and another place may be tried.
    async fn open(
        &mut self,
        exchange: &mut Exchange,
        place: &Place,
    ) -> Result<Option<Box<Connection<RequestBody>>>, ProxyError> {
        let pool = &self.client.worker.pool;
        let began = Instant::now();
        let opened = pool.open(&place.endpoint, place.address, self.upstream.connect_timeout).await;
        self.note_try(exchange, place.address, began, began.elapsed());
        match opened {
            Ok(connection) => Ok(Some(connection)),
            Err(error) => {
                let late = matches!(error, ClientError::ConnectTimeout { .. });
                let outcome = if late { Outcome::Timeout } else { Outcome::TcpFailure };
                self.failed(exchange, place, outcome);
                if self.failed > self.upstream.retries { Err(error.into()) } else { Ok(None) }
            }
        }
    }

    /// One attempt on one connection.
    async fn once(
        &mut self,
        exchange: &mut Exchange,
        connection: &mut Connection<RequestBody>,
        now: Instant,
    ) -> Result<ResponseHead, Failure> {
        let deadline = &self.client.deadline;
        deadline.arm(Wait::Upstream, self.upstream.read_timeout);
        exchange.timing.upstream_sent = Some(now);
        let answer = poll_fn(|cx| match connection.poll_response(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if deadline.upstream_is_late() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        deadline.disarm();
        let head = answer.ok_or(Failure::Late)?.map_err(Failure::Broken)?;
        exchange.timing.upstream_answered = Some(Instant::now());
        Ok(head)
    }

    fn note_try(&self, exchange: &mut Exchange, address: SocketAddr, now: Instant, connect: Duration) {
        let started_unix_ms = self.client.worker.unix_ms(now);
        // Most requests are tried once.
        exchange.tries.reserve_exact(1);
        exchange.tries.push(Try { address, started_unix_ms, connect, failure: None, code: None });
    }

    /// An attempt failed, and that counts: against the request, and against the target.
    fn failed(&mut self, exchange: &mut Exchange, place: &Place, outcome: Outcome) {
        self.failed += 1;
        note_failure(exchange, outcome);
        if let Some(lease) = &place.lease {
            lease.report(outcome);
        }
    }
}

fn note_failure(exchange: &mut Exchange, outcome: Outcome) {
    if let Some(last) = exchange.tries.last_mut() {
        last.failure = Some("failed");
        last.code = Some(if outcome == Outcome::Timeout { 504 } else { 502 });
    }
}

/// Tells the target's balancer of an answer. To Kong a 504 is a timeout, whoever had it.
fn answered(exchange: &Exchange, place: &Place, status: StatusCode) {
    let Some(lease) = &place.lease else { return };
    let is_late = status == StatusCode::GATEWAY_TIMEOUT;
    lease.report(if is_late { Outcome::Timeout } else { Outcome::Status(status.as_u16()) });
    let timing = &exchange.timing;
    if let (Some(took), Some(now)) = (timing.upstream_latency(), timing.upstream_answered) {
        let connect = exchange.tries.last().map_or(Duration::ZERO, |last| last.connect);
        lease.took(took + connect, now);
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
