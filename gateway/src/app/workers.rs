//! The threads of the data plane.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::AppError;
use super::control::Control;
use super::handshakes;
use crate::clock::Clock;
use crate::config::{Listener, Settings};
use crate::handover::Inherited;
use crate::proxy::{self, MemoryPressure, Serves, Socket, WorkerParts};
use crate::shutdown::Drain;
use crate::task;
use crate::telemetry::{AccessLog, Metrics};

/// The sockets of each worker.
pub(super) type Sockets = Vec<Vec<Socket>>;

/// Running workers.
pub(super) struct Threads(Vec<JoinHandle<std::io::Result<()>>>);

/// Opens the proxy's sockets, so that a port that is taken ends the start before anything else runs.
pub(super) fn bind(settings: &Settings, inherited: &mut Inherited) -> Result<Sockets, AppError> {
    let mut sockets: Sockets = (0..settings.workers.get()).map(|_| Vec::new()).collect();
    for listener in &settings.proxy_listen {
        bind_one(Wanted { listener, serves: Serves::Requests }, inherited, &mut sockets)?;
    }
    for listener in &settings.stream_listen {
        bind_one(Wanted { listener, serves: Serves::Streams }, inherited, &mut sockets)?;
    }
    Ok(sockets)
}

/// A socket for each worker.
fn bind_one(wanted: Wanted<'_>, inherited: &mut Inherited, sockets: &mut Sockets) -> Result<(), AppError> {
    let mut at = wanted.listener.address;
    for of_worker in sockets.iter_mut() {
        let (socket, address) = match wanted.take(at, inherited) {
            Some(taken) => taken,
            None => wanted.open(at)?,
        };
        // Port 0 is chosen once: the other workers share it.
        at = address;
        of_worker.push(socket);
    }
    // If there were more workers before: a socket that is closed takes its queue with it.
    for of_worker in 0.. {
        let Some((socket, _)) = wanted.take(at, inherited) else { break };
        let place = of_worker % sockets.len().max(1);
        if let Some(own) = sockets.get_mut(place) {
            own.push(socket);
        }
    }
    Ok(())
}

/// A listener of the settings, and what it is for.
struct Wanted<'a> {
    listener: &'a Listener,
    serves: Serves,
}

impl Wanted<'_> {
    /// A socket of the process before this one.
    fn take(&self, address: SocketAddr, inherited: &mut Inherited) -> Option<(Socket, SocketAddr)> {
        if self.listener.speaks.udp {
            return inherited.take_datagrams(address).map(|socket| (Socket::Datagrams(socket), address));
        }
        inherited.take(address).map(|listener| (self.connections(listener), address))
    }

    /// A new socket, and where it listens.
    fn open(&self, address: SocketAddr) -> Result<(Socket, SocketAddr), AppError> {
        let setting = match self.serves {
            Serves::Requests => "proxy_listen",
            Serves::Streams => "stream_listen",
        };
        let failed = |source| AppError::Listen { setting, address, source };
        if self.listener.speaks.udp {
            let socket = proxy::bind_datagrams(address).map_err(failed)?;
            let address = socket.local_addr().unwrap_or(address);
            return Ok((Socket::Datagrams(socket), address));
        }
        let listener = proxy::bind(address, self.listener.backlog).map_err(failed)?;
        let address = listener.local_addr().unwrap_or(address);
        Ok((self.connections(listener), address))
    }

    fn connections(&self, listener: TcpListener) -> Socket {
        Socket::Connections { listener, serves: self.serves, speaks: self.listener.speaks }
    }
}

/// Starts a thread for each worker.
pub(super) fn start(
    settings: &Arc<Settings>,
    sockets: Sockets,
    control: &Control,
    (metrics, access_log): (&Arc<Metrics>, &AccessLog),
    drain: &Drain,
) -> Result<Threads, AppError> {
    let share = |all: usize| all.div_ceil(settings.workers.get());
    let (max_connections, max_udp_sessions) =
        (share(settings.proxy.max_connections), share(settings.proxy.max_udp_sessions));
    let shared = Arc::new(settings.proxy.clone());
    let memory = MemoryPressure::default();
    if let Some(most) = settings.proxy.max_memory {
        task::spawn("memory", memory.clone().watch(most));
    }
    let tls = handshakes::of_proxy(settings, &control.snapshots)?;
    let mut threads = Vec::new();
    for (number, sockets) in sockets.into_iter().enumerate() {
        let (snapshots, connect, host) =
            (control.snapshots.clone(), control.connect.clone(), control.host.clone());
        let names = control.names.clone();
        let (settings, metrics, access_log) = (Arc::clone(&shared), Arc::clone(metrics), access_log.clone());
        let (memory, drain, tls) = (memory.clone(), drain.clone(), tls.clone());
        let parts = move || WorkerParts {
            snapshots,
            connect,
            names,
            host,
            metrics: metrics.worker(),
            access_log: access_log.worker(),
            settings,
            tls,
            max_connections,
            max_udp_sessions,
            memory,
            wall_clock: Clock::system(),
            drain,
        };
        let thread = std::thread::Builder::new().name(format!("weir-worker-{number}"));
        let spawned = thread.spawn(move || proxy::run(parts, sockets));
        threads.push(spawned.map_err(AppError::system("a worker thread cannot start"))?);
    }
    Ok(Threads(threads))
}

impl Threads {
    /// Waits until all of them have drained.
    pub(super) fn join(self) -> Result<(), AppError> {
        for thread in self.0 {
            let ended = thread.join().map_err(|_| AppError::Worker)?;
            ended.map_err(AppError::system("a worker thread cannot serve"))?;
        }
        Ok(())
    }
}
