//! One data-plane thread: its runtime, its listening sockets, its connections to upstreams, its
//! warm plugin instances. Workers share nothing but the published snapshot.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::body::{RequestBody, Room};
use super::deadline::{Deadlines, TICK};
use super::ids::Ids;
use super::listener::{self, Socket};
use super::pressure::{self, MemoryPressure, Pressure};
use super::retries::Retries;
use super::stream;
use super::warming::{self, Warming};
use crate::client::{Connect, Pool, PoolSettings};
use crate::clock::Clock;
use crate::config::ProxySettings;
use crate::dns::{Name, Names};
use crate::plugin_host::{Host, Instances};
use crate::shutdown::Drain;
use crate::snapshot::SnapshotHandle;
use crate::telemetry::{WorkerAccessLog, WorkerMetrics};
use crate::tls::Acceptor;

/// How long log plugins may take to deliver what has queued up, when the process ends.
const FLUSH: Duration = Duration::from_secs(5);

/// Names that plugins brought along and a worker keeps. More of them begin anew.
const MOST_NAMES: usize = 1_000;

/// More connections than this on one worker, and none of them gets large buffers.
const CROWD: usize = 32;

/// Pause between looks at idle upstream connections, in ticks: about a second.
const SWEEP_TICKS: u32 = 20;

/// What a worker is made of.
pub struct WorkerParts {
    /// Where the current snapshot is.
    pub snapshots: SnapshotHandle,
    /// Makes upstream connections.
    pub connect: Connect,
    /// Looks up the names that plugins bring along.
    pub names: Names,
    /// Runs plugins.
    pub host: Host,
    /// This worker's shard of the metrics.
    pub metrics: WorkerMetrics,
    /// This worker's end of the access log.
    pub access_log: WorkerAccessLog,
    /// Limits and timeouts.
    pub settings: Arc<ProxySettings>,
    /// Makes handshakes; `None` if no listener wants one.
    pub tls: Option<Acceptor>,
    /// Open client connections that this worker may have.
    pub max_connections: usize,
    /// Clients by UDP that this worker may have.
    pub max_udp_sessions: usize,
    /// Whether the process uses more memory than it may.
    pub memory: MemoryPressure,
    /// Tells the wall-clock time.
    pub wall_clock: Clock,
    /// Sees the end of the process coming.
    pub drain: Drain,
}

/// The state of one data-plane thread.
pub(super) struct Worker {
    pub(super) snapshots: SnapshotHandle,
    pub(super) pool: Pool<RequestBody>,
    pub(super) connect: Connect,
    names: Names,
    /// Names that plugins brought along.
    known_names: RefCell<HashMap<Box<str>, Arc<Name>>>,
    pub(super) instances: Instances,
    host: Host,
    pub(super) metrics: WorkerMetrics,
    pub(super) access_log: WorkerAccessLog,
    pub(super) settings: Arc<ProxySettings>,
    pub(super) tls: Option<Acceptor>,
    pub(super) deadlines: Deadlines,
    pub(super) draining: Cell<bool>,
    pub(super) ids: Ids,
    /// For bodies that are held for plugins.
    pub(super) room: Rc<Room>,
    max_connections: usize,
    pub(super) max_udp_sessions: usize,
    /// Whoever may give way to other clients by UDP.
    pub(super) newcomers: stream::Newcomers,
    udp_sessions: Cell<usize>,
    pub(super) pressure: Pressure,
    pub(super) retries: Retries,
    pub(super) warming: Warming,
    wall_clock: Clock,
    drain: Drain,
    open: Cell<usize>,
    clock: Cell<(Instant, u64)>,
    date: RefCell<HeaderValue>,
}

/// Runs a worker on this thread until it has drained. Called once for each core.
///
/// # Errors
///
/// If the runtime cannot be built or a socket cannot be used.
pub fn run(parts: impl FnOnce() -> WorkerParts, sockets: Vec<Socket>) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let worker = Rc::new(Worker::new(parts()));
        let ticker = tokio::task::spawn_local(tick(Rc::clone(&worker)));
        let queueing = tokio::task::spawn_local(pressure::watch_queue(Rc::clone(&worker)));
        let mut accepting = Vec::new();
        for socket in sockets {
            accepting.push(worker.attend(socket)?);
        }
        worker.drain_begins().await;
        worker.drain(accepting).await;
        ticker.abort();
        queueing.abort();
        Ok(())
    })
}

impl Worker {
    fn new(parts: WorkerParts) -> Self {
        let WorkerParts {
            snapshots,
            connect,
            names,
            host,
            metrics,
            access_log,
            settings,
            tls,
            max_connections,
            max_udp_sessions,
            memory,
            wall_clock,
            drain,
        } = parts;
        let pressure = Pressure::new(memory, settings.max_queue_time);
        let retries = Retries::new(settings.retry_budget);
        let room = Room::new(settings.held_bodies.memory);
        let keepalive = settings.upstream_keepalive;
        let pool = PoolSettings {
            size: keepalive.pool_size,
            max_requests: keepalive.max_requests,
            idle_timeout: keepalive.idle_timeout,
        };
        Self {
            snapshots,
            pool: Pool::new(pool, connect.clone()),
            connect,
            names,
            known_names: RefCell::default(),
            instances: Instances::new(&host),
            host,
            metrics,
            access_log,
            settings,
            tls,
            deadlines: Deadlines::new(),
            draining: Cell::new(false),
            ids: Ids::new(),
            room,
            max_connections,
            max_udp_sessions,
            newcomers: stream::Newcomers::default(),
            udp_sessions: Cell::new(0),
            pressure,
            retries,
            warming: Warming::new(keepalive.min_idle),
            clock: Cell::new((Instant::now(), wall_clock.unix_ms())),
            date: RefCell::new(date(wall_clock.unix_ms())),
            wall_clock,
            drain,
            open: Cell::new(0),
        }
    }

    /// Takes in what comes by a socket, until the process drains.
    fn attend(self: &Rc<Self>, socket: Socket) -> std::io::Result<JoinHandle<()>> {
        let worker = Rc::clone(self);
        Ok(match socket {
            Socket::Connections { listener, serves, speaks } => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::task::spawn_local(listener::run(worker, listener, serves, speaks))
            }
            Socket::Datagrams(socket) => {
                let socket = tokio::net::UdpSocket::from_std(socket)?;
                tokio::task::spawn_local(stream::datagrams(worker, socket))
            }
        })
    }

    /// Waits until the process drains.
    pub(super) async fn drain_begins(&self) {
        self.drain.started().await;
    }

    /// Room for one more connection, given back when dropped; `None` at the limit.
    pub(super) fn connection_permit(self: &Rc<Self>) -> Option<ConnectionPermit> {
        if self.open.get() >= self.max_connections {
            return None;
        }
        self.open.set(self.open.get() + 1);
        self.metrics.connection_opened();
        Some(ConnectionPermit(Rc::clone(self)))
    }

    /// Whether there are so many connections that each has to do with little memory.
    pub(super) fn is_crowded(&self) -> bool {
        self.open.get() > CROWD
    }

    /// Room for one more client by UDP, given back when dropped; `None` at the limit.
    pub(super) fn udp_permit(self: &Rc<Self>) -> Option<UdpPermit> {
        if self.udp_sessions.get() >= self.max_udp_sessions {
            return None;
        }
        self.udp_sessions.set(self.udp_sessions.get() + 1);
        Some(UdpPermit(Rc::clone(self)))
    }

    /// A name that a plugin sends a request to. Only its first request on this worker takes a lock.
    pub(super) fn name(&self, host: &str) -> Arc<Name> {
        let mut known = self.known_names.borrow_mut();
        if let Some(name) = known.get(host) {
            return Arc::clone(name);
        }
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        let name = self.names.name(host);
        known.insert(host.into(), Arc::clone(&name));
        name
    }

    /// Unix milliseconds at `now`, without asking the system.
    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        let (anchor, unix_ms) = self.clock.get();
        let since = now.saturating_duration_since(anchor).as_millis();
        unix_ms + u64::try_from(since).unwrap_or(0)
    }

    /// The value of `Date` (RFC 9110 section 6.6.1), late by a second at most.
    pub(super) fn date(&self) -> HeaderValue {
        self.date.borrow().clone()
    }

    /// Looks at the wall clock again.
    fn follow_wall_clock(&self) {
        let unix_ms = self.wall_clock.unix_ms();
        self.clock.set((Instant::now(), unix_ms));
        self.date.replace(date(unix_ms));
    }

    async fn drain(&self, accepting: Vec<JoinHandle<()>>) {
        for listener in accepting {
            _ = listener.await;
        }
        self.draining.set(true);
        self.deadlines.wake_all();
        tokio::select! {
            () = self.idle() => {}
            () = self.drain.ended() => {}
        }
        if self.open.get() > 0 {
            tracing::warn!(connections = self.open.get(), "the grace period is over: closing connections");
        }
        // What plugins have queued goes out now, or is lost with the process.
        tokio::select! {
            () = self.host.flush_logs(FLUSH) => {}
            () = self.drain.ended() => {}
        }
    }

    async fn idle(&self) {
        while self.open.get() > 0 || self.udp_sessions.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Room for one connection.
pub(super) struct ConnectionPermit(Rc<Worker>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.metrics.connection_closed();
    }
}

/// Room for one client by UDP.
pub(super) struct UdpPermit(Rc<Worker>);

impl Drop for UdpPermit {
    fn drop(&mut self) {
        self.0.udp_sessions.set(self.0.udp_sessions.get().saturating_sub(1));
    }
}

async fn tick(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for count in 0u32.. {
        ticks.tick().await;
        let now = Instant::now();
        worker.deadlines.tick(now);
        if count % SWEEP_TICKS == 0 {
            worker.pool.sweep();
            warming::look(&worker);
            worker.instances.sweep();
            worker.follow_wall_clock();
        }
    }
}

fn date(unix_ms: u64) -> HeaderValue {
    let now = UNIX_EPOCH + Duration::from_millis(unix_ms);
    HeaderValue::try_from(httpdate::fmt_http_date(now)).unwrap_or(HeaderValue::from_static(""))
}
