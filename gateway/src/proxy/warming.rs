//! Connections to upstreams that are open before a request needs them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::place::{ask_for, at_address, at_peer};
use super::worker::Worker;
use crate::client::Endpoint;
use crate::dns::Picked;
use crate::snapshot::{Destination, RoutePlan, Upstream};
use crate::task;

/// Routes that are looked at in one go: the worker has requests to serve.
const ROUTES: usize = 500;

/// Places that are connected to at once.
const MOST_OPENING: usize = 32;

/// Pause before the next attempt to connect to a place that let the last one fail.
const PAUSE: Duration = Duration::from_secs(10);

/// What one worker knows of connections that are to come.
#[derive(Default)]
pub(super) struct Warming {
    /// Idle connections for each place.
    wanted: usize,
    /// The first of the routes that are looked at next.
    next: Cell<usize>,
    /// Places that are connected to, and those that have a pause.
    attempts: RefCell<HashMap<Endpoint, Attempt>>,
}

#[derive(Clone, Copy)]
enum Attempt {
    UnderWay,
    FailedAt(Instant),
}

impl Warming {
    /// For so many idle connections to each place; 0 is none at all.
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether one more place may be connected to now.
    fn has_room(&self) -> bool {
        let attempts = self.attempts.borrow();
        attempts.values().filter(|attempt| matches!(attempt, Attempt::UnderWay)).count() < MOST_OPENING
    }

    /// What the next look begins with.
    fn turn(&self, routes: usize) -> usize {
        let first = Some(self.next.get()).filter(|first| *first < routes).unwrap_or(0);
        self.next.set(first + ROUTES);
        first
    }
}

/// Looks at some of the routes, and connects to places that have too few idle connections. Called about once a
/// second, for ever: what an upstream or a timeout has closed is opened again.
pub(super) fn look(worker: &Rc<Worker>) {
    let warming = &worker.warming;
    if warming.wanted == 0 || worker.draining.get() {
        return;
    }
    let now = Instant::now();
    let is_due = |attempt: &mut Attempt| match attempt {
        Attempt::UnderWay => true,
        Attempt::FailedAt(failed) => now.duration_since(*failed) < PAUSE,
    };
    warming.attempts.borrow_mut().retain(|_, attempt| is_due(attempt));
    let snapshot = worker.snapshots.load();
    for plan in snapshot.some_routes(warming.turn(snapshot.route_count()), ROUTES) {
        let Some(upstream) = plan.upstream.as_deref().filter(|_| is_foreseen(plan)) else { continue };
        each_place(upstream, |endpoint, address| {
            if !warming.has_room()
                || warming.attempts.borrow().contains_key(&endpoint)
                || worker.pool.has(&endpoint, warming.wanted)
            {
                return;
            }
            warming.attempts.borrow_mut().insert(endpoint.clone(), Attempt::UnderWay);
            let worker = Rc::clone(worker);
            let limit = upstream.connect_timeout;
            drop(task::spawn_local("connections ahead of requests", async move {
                open(&worker, endpoint, address, limit).await;
            }));
        });
    }
}

/// Whether it is known how requests of a route are sent on: a stream has its connection to itself, and where the
/// client's own Host is preserved it is the name that TLS asks for.
fn is_foreseen(plan: &RoutePlan) -> bool {
    let route = &plan.facts.route;
    let names_it = route.preserve_host && plan.speaks_tls();
    !route.is_stream() && !names_it
}

/// The places that requests may go to now. Of the addresses of a name it is one, another one each time.
fn each_place(upstream: &Upstream, mut visit: impl FnMut(Endpoint, SocketAddr)) {
    let base = &upstream.endpoint;
    match &upstream.destination {
        Destination::Address(address) => visit(base.clone(), *address),
        Destination::Name(name) => {
            if let Picked::Address(address) = name.pick(base.port, |_| false) {
                visit(at_address(base, address), address);
            }
        }
        Destination::Balanced(balancer) => {
            for peer in balancer.table().peers() {
                if peer.weight > 0 && peer.state.is_available() {
                    let mut endpoint = at_peer(base, peer);
                    ask_for(&mut endpoint, peer.host_header(true));
                    visit(endpoint, peer.address());
                }
            }
        }
    }
}

/// Opens what is missing at one place, one connection after the other.
async fn open(worker: &Worker, endpoint: Endpoint, address: SocketAddr, limit: Duration) {
    let warming = &worker.warming;
    let mut outcome = Ok(());
    for _ in 0..warming.wanted {
        if outcome.is_err() || worker.pool.has(&endpoint, warming.wanted) {
            break;
        }
        let opened = worker.pool.open(&endpoint, address, limit).await;
        outcome = opened.map(|connection| worker.pool.put(&endpoint, connection, Instant::now()));
    }
    let mut attempts = warming.attempts.borrow_mut();
    match outcome {
        Ok(()) => drop(attempts.remove(&endpoint)),
        Err(error) => {
            tracing::debug!(%address, %error, "an upstream cannot be connected to ahead of requests");
            attempts.insert(endpoint, Attempt::FailedAt(Instant::now()));
        }
    }
}
