//! The whole process: builds every part, starts the threads, waits for the end.
//!
//! The control plane (store, reload, Admin API, status) runs on a small runtime of its own; each
//! data-plane worker has a thread. This is the only module that knows everyone; it decides nothing
//! that its parts could decide.

mod bundled;
mod components;
mod control;
mod database;
mod error;
mod handshakes;
mod name_status;
mod node_id;
mod plugin_metrics;
mod plugin_sources;
mod route_test;
mod sockets;
mod stream_test;
mod target_metrics;
mod upstream_tls;
mod workers;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::{Builder, Runtime};

use crate::config::Settings;
use crate::handover::{Inherited, Offer};
use crate::proxy::Socket;
use crate::shutdown::{self, Drain, EndSignals};
use crate::task;
use crate::telemetry::{AccessLog, Metrics};

pub use bundled::describe_bundled;
pub use error::AppError;
use sockets::ControlSockets;

/// Threads of the control plane. Two, so that a slow admin call does not hold up the reload.
const CONTROL_THREADS: usize = 2;

/// Runs the gateway until a signal ends it and the drain is over.
///
/// # Errors
///
/// [`AppError`] if it cannot start; once it serves, only a broken listener ends it early.
pub fn run(settings: Settings) -> Result<(), AppError> {
    let runtime = runtime()?;
    let settings = Arc::new(settings);
    let outcome = runtime.block_on(serve(Arc::clone(&settings)));
    // What still runs in the control plane has no client any more.
    runtime.shutdown_background();
    outcome
}

fn runtime() -> Result<Runtime, AppError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(CONTROL_THREADS).thread_name("weir-control").enable_all();
    builder.build().map_err(AppError::system("the runtime of the control plane cannot start"))
}

/// Copies of all listening sockets, for the process after this one.
fn copies(proxy: &workers::Sockets, control: &ControlSockets) -> std::io::Result<Vec<OwnedFd>> {
    let control = control.status.iter().chain(&control.admin);
    let control = control.map(|socket| socket.try_clone().map(OwnedFd::from));
    proxy.iter().flatten().map(Socket::copy).chain(control).collect()
}

/// Drains once another process has taken the sockets over and serves.
async fn hand_over(prefix: PathBuf, sockets: Vec<OwnedFd>, drain: Drain) {
    let offer = match Offer::new(&prefix, sockets) {
        Ok(offer) => offer,
        Err(error) => {
            tracing::warn!(%error, "no other process can take the sockets over");
            return;
        }
    };
    if offer.taken(drain).await {
        tracing::info!("another gateway has taken over");
        // As if the operator had asked for it: one way to end is enough.
        if let Err(error) = kill_process(getpid(), Signal::QUIT) {
            tracing::warn!(%error, "this gateway cannot ask itself to drain");
        }
    }
}

async fn serve(settings: Arc<Settings>) -> Result<(), AppError> {
    std::fs::create_dir_all(&settings.prefix).map_err(AppError::system("the prefix cannot be made"))?;
    let signals = EndSignals::listen().map_err(AppError::system("signals cannot be handled"))?;
    shutdown::outlive_file_limits().map_err(AppError::system("signals cannot be handled"))?;
    let (trigger, drain) = shutdown::channel();
    let driver = task::spawn("signals", signals.drive(trigger, settings.grace_period));
    let node_id = node_id::load(&settings)?;
    let metrics = Metrics::new(node_id.to_string());
    let access_log = AccessLog::open(&settings.proxy.access_log)
        .map_err(AppError::system("the access log cannot be opened"))?;
    metrics.register(Arc::new(access_log.clone()));
    task::spawn("access log rotation", access_log.clone().reopen_on_signals());
    let mut inherited = Inherited::ask(&settings.prefix);
    let sockets = workers::bind(&settings, &mut inherited)?;
    let control_sockets = ControlSockets::open(&settings, &mut inherited)?;
    let copies = copies(&sockets, &control_sockets).map_err(AppError::system("sockets cannot be copied"))?;
    let control = control::start(&settings, node_id, &metrics, &drain, control_sockets).await?;
    let threads = workers::start(&settings, sockets, &control, (&metrics, &access_log), &drain)?;
    tracing::info!(
        proxy = ?settings.proxy_listen.iter().map(|listener| listener.address).collect::<Vec<_>>(),
        streams = ?settings.stream_listen.iter().map(|listener| listener.address).collect::<Vec<_>>(),
        workers = settings.workers.get(),
        "serving"
    );
    inherited.ready();
    task::spawn("handover", hand_over(settings.prefix.clone(), copies, drain.clone()));
    drain.started().await;
    let joined = tokio::task::spawn_blocking(move || threads.join()).await;
    control.close().await;
    access_log.finish();
    drop(drain);
    driver.abort();
    joined.unwrap_or(Err(AppError::Worker))
}
