//! The whole process: builds every part, starts the threads, waits for the end.
//!
//! The control plane (store, reload, Admin API, status) runs on a small runtime of its own; each
//! data-plane worker has a thread. This is the only module that knows everyone; it decides nothing
//! that its parts could decide.

mod bundled;
mod components;
mod control;
mod error;
mod node_id;
mod plugin_metrics;
mod plugin_sources;
mod workers;

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::config::Settings;
use crate::shutdown::{self, EndSignals};
use crate::task;
use crate::telemetry::{AccessLog, Metrics};

pub use bundled::describe_bundled;
pub use error::AppError;

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
    let outcome = runtime.block_on(serve(Arc::clone(&settings), runtime.handle().clone()));
    // What still runs in the control plane has no client any more.
    runtime.shutdown_background();
    outcome
}

fn runtime() -> Result<Runtime, AppError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(CONTROL_THREADS).thread_name("weir-control").enable_all();
    builder.build().map_err(AppError::system("the runtime of the control plane cannot start"))
}

async fn serve(settings: Arc<Settings>, runtime: tokio::runtime::Handle) -> Result<(), AppError> {
    std::fs::create_dir_all(&settings.prefix).map_err(AppError::system("the prefix cannot be made"))?;
    let signals = EndSignals::listen().map_err(AppError::system("signals cannot be handled"))?;
    let (trigger, drain) = shutdown::channel();
    let driver = task::spawn("signals", signals.drive(trigger, settings.grace_period));
    let node_id = node_id::load(&settings)?;
    let metrics = Metrics::new(node_id.to_string());
    let access_log = AccessLog::open(&settings.proxy.access_log)
        .map_err(AppError::system("the access log cannot be opened"))?;
    metrics.register(Arc::new(access_log.clone()));
    task::spawn("access log rotation", access_log.clone().reopen_on_signals());
    let sockets = workers::bind(&settings)?;
    let control = control::start(&settings, node_id, &metrics, &drain, runtime).await?;
    let threads = workers::start(&settings, sockets, &control, (&metrics, &access_log), &drain)?;
    tracing::info!(
        proxy = ?settings.proxy_listen.iter().map(|listener| listener.address).collect::<Vec<_>>(),
        workers = settings.workers.get(),
        "serving"
    );
    drain.started().await;
    let joined = tokio::task::spawn_blocking(move || threads.join()).await;
    control.close().await;
    access_log.finish();
    drop(drain);
    driver.abort();
    joined.unwrap_or(Err(AppError::Worker))
}
