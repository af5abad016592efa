//! The threads of the data plane.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::AppError;
use super::control::Control;
use super::handshakes;
use crate::clock::Clock;
use crate::config::Settings;
use crate::handover::Inherited;
use crate::proxy::{self, MemoryPressure, Socket, WorkerParts};
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
        let mut address = listener.address;
        for of_worker in &mut sockets {
            let socket = match inherited.take(address) {
                Some(socket) => socket,
                None => listen(address, listener.backlog)?,
            };
            // Port 0 is chosen once: the other workers share it.
            address = socket.local_addr().unwrap_or(address);
            of_worker.push(Socket { listener: socket, speaks: listener.speaks });
        }
        // If there were more workers before: a socket that is closed takes its queue with it.
        for of_worker in 0.. {
            let Some(socket) = inherited.take(address) else { break };
            let place = of_worker % sockets.len().max(1);
            let socket = Socket { listener: socket, speaks: listener.speaks };
            if let Some(own) = sockets.get_mut(place) {
                own.push(socket);
            }
        }
    }
    Ok(sockets)
}

fn listen(address: SocketAddr, backlog: u32) -> Result<TcpListener, AppError> {
    proxy::bind(address, backlog).map_err(|source| AppError::Listen {
        setting: "proxy_listen",
        address,
        source,
    })
}

/// Starts a thread for each worker.
pub(super) fn start(
    settings: &Arc<Settings>,
    sockets: Sockets,
    control: &Control,
    (metrics, access_log): (&Arc<Metrics>, &AccessLog),
    drain: &Drain,
) -> Result<Threads, AppError> {
    let max_connections = settings.proxy.max_connections.div_ceil(settings.workers.get());
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
