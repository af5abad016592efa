//! The shard of one worker.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use http::StatusCode;
use tokio::time::Instant;

use super::cell::Cell;
use super::routes::{Routes, announced};
use super::series::{Counted, Labels, Observation, Series, Source};
use crate::exchange::{ConsumerFacts, Exchange, RouteFacts, StreamSession};
use crate::telemetry::status::{Handshake, ServerTotals, Shed};

/// What one worker counts beside its routes.
#[derive(Debug, Default)]
pub(super) struct Shard {
    connections_opened: Cell,
    connections_closed: Cell,
    requests_begun: Cell,
    requests_ended: Cell,
    streams_begun: Cell,
    streams_ended: Cell,
    shed: [Cell; Shed::ALL.len()],
    handshakes: [Cell; Handshake::ALL.len()],
    retries_refused: Cell,
}

impl Shard {
    pub(super) fn totals(&self) -> ServerTotals {
        // Ends are read before beginnings, so that no difference is negative.
        let closed = self.connections_closed.get();
        let ended = self.requests_ended.get();
        let streams_ended = self.streams_ended.get();
        let accepted = self.connections_opened.get();
        let requests = self.requests_begun.get();
        let active = accepted.saturating_sub(closed);
        let running = requests.saturating_sub(ended);
        let streams = self.streams_begun.get().saturating_sub(streams_ended);
        let shed = self.shed.each_ref().map(Cell::get);
        let handshakes = self.handshakes.each_ref().map(Cell::get);
        let retries_refused = self.retries_refused.get();
        ServerTotals { accepted, active, requests, running, streams, shed, handshakes, retries_refused }
    }
}

/// The counters of one worker. Stays on its thread.
#[derive(Debug)]
pub struct WorkerMetrics {
    shard: Arc<Shard>,
    routes: RefCell<Routes>,
    unmatched: Arc<Series>,
    unmatched_streams: Arc<Series>,
}

impl WorkerMetrics {
    pub(super) fn new(shard: Arc<Shard>, announce: Sender<Arc<Series>>) -> Self {
        let unmatched = |counted| announced(Labels::unmatched(counted), &announce);
        let (unmatched, unmatched_streams) = (unmatched(Counted::Requests), unmatched(Counted::Streams));
        let routes = Routes::new(announce);
        Self { shard, routes: RefCell::new(routes), unmatched, unmatched_streams }
    }

    /// A client connected.
    pub fn connection_opened(&self) {
        self.shard.connections_opened.add(1);
    }

    /// A client connection is gone.
    pub fn connection_closed(&self) {
        self.shard.connections_closed.add(1);
    }

    /// A connection or a request was turned away.
    pub fn shed(&self, reason: Shed) {
        let count =
            Shed::ALL.iter().position(|known| *known == reason).and_then(|at| self.shard.shed.get(at));
        count.into_iter().for_each(|count| count.add(1));
    }

    /// A client began a handshake, and this came of it.
    pub fn handshake(&self, outcome: Handshake) {
        let count = Handshake::ALL.iter().position(|known| *known == outcome);
        count.and_then(|at| self.shard.handshakes.get(at)).into_iter().for_each(|count| count.add(1));
    }

    /// A request was not sent again, since its budget is spent.
    pub fn retry_refused(&self) {
        self.shard.retries_refused.add(1);
    }

    /// The requests of a route that are over, in this worker. For what happens rarely.
    pub fn requests_of(&self, facts: &Arc<RouteFacts>) -> u64 {
        self.routes.borrow_mut().series(facts).requests()
    }

    /// A request head was read.
    pub fn request_begun(&self) {
        self.shard.requests_begun.add(1);
    }

    /// A request is over: counts it by route, and by `consumer` if consumers are to be told apart. Once for
    /// each [`WorkerMetrics::request_begun`]; takes some 50 ns and allocates only for a route's or a
    /// consumer's first request.
    pub fn record(&self, exchange: &Exchange, consumer: Option<&ConsumerFacts>) {
        self.shard.requests_ended.add(1);
        let seen = observation(exchange);
        let name = consumer.and_then(|consumer| Some((consumer.id, consumer.username.as_deref()?)));
        match (&exchange.route, name) {
            (None, _) => self.unmatched.observe(seen),
            (Some(facts), None) => self.routes.borrow_mut().series(facts).observe(seen),
            (Some(facts), Some(name)) => self.routes.borrow_mut().observe_for(name, facts, seen),
        }
    }

    /// A stream has begun.
    pub fn stream_begun(&self) {
        self.shard.streams_begun.add(1);
    }

    /// A stream is over: counts it by route. Once for each [`WorkerMetrics::stream_begun`].
    pub fn record_stream(&self, session: &StreamSession) {
        self.shard.streams_ended.add(1);
        let seen = observation_of_stream(session);
        match &session.route {
            None => self.unmatched_streams.observe(seen),
            Some(facts) => self.routes.borrow_mut().series(facts).observe(seen),
        }
    }
}

fn observation_of_stream(session: &StreamSession) -> Observation {
    let since_began = |moment: Option<Instant>| {
        moment.unwrap_or_else(Instant::now).saturating_duration_since(session.started)
    };
    let is_carried = session.connected.is_some();
    Observation {
        status: StatusCode::from_u16(session.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        source: if is_carried { Source::Service } else { Source::Kong },
        total: since_began(session.ended),
        gateway: since_began(session.connected.or(session.ended)),
        upstream: None,
        bytes_in: session.bytes_in,
        bytes_out: session.bytes_out,
    }
}

fn observation(exchange: &Exchange) -> Observation {
    let timing = &exchange.timing;
    let response = exchange.response.as_ref();
    let upstream_status = response.and_then(|response| response.upstream_status);
    Observation {
        status: response.map_or_else(client_left, |response| response.status),
        source: if upstream_status.is_some() { Source::Service } else { Source::Kong },
        total: timing.total(timing.ended.unwrap_or_else(Instant::now)),
        gateway: timing.gateway_latency(),
        upstream: timing.upstream_latency(),
        bytes_in: exchange.bytes_in,
        bytes_out: exchange.bytes_out,
    }
}

/// nginx's status for a client that left before it was answered.
fn client_left() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
impl WorkerMetrics {
    pub(super) fn limit(&self, routes: usize, consumers: usize) {
        self.routes.borrow_mut().limit(routes, consumers);
    }
}
