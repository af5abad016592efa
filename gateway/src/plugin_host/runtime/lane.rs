//! The slow lane: a few threads for calls of plugins that use up their time.
//!
//! They have a lower priority than the workers, so that a plugin that loops takes what is left over and
//! the requests of others do not wait for it. What does not fit in fails at once: nothing queues up
//! without end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::{Builder, Runtime};

/// Calls that one thread takes turns with.
const CALLS_OF_A_THREAD: u32 = 32;
/// How much less urgent than a worker (`nice`).
const LESS_URGENT: i32 = 10;

/// The threads, and the calls that they have.
pub(crate) struct SlowLane {
    /// Taken out only to end it.
    runtime: Option<Runtime>,
    calls: Arc<AtomicU32>,
    limit: u32,
}

/// Room for one call.
pub(crate) struct Turn(Arc<AtomicU32>);

impl SlowLane {
    /// Starts one thread for four workers, and one at least.
    pub(crate) fn start(workers: usize) -> std::io::Result<Self> {
        let threads = workers.div_ceil(4).clamp(1, 4);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("weir-slow-lane")
            .enable_all()
            .on_thread_start(|| {
                wasmtime::Engine::tls_eager_initialize();
                // On Linux this is about the calling thread only. Without it the lane is just less fair.
                _ = rustix::process::nice(LESS_URGENT);
            })
            .build()?;
        let limit = u32::try_from(threads).unwrap_or(1) * CALLS_OF_A_THREAD;
        Ok(Self { runtime: Some(runtime), calls: Arc::default(), limit })
    }

    /// Room for one more call; `None` if it is full.
    pub(crate) fn turn(&self) -> Option<Turn> {
        let step = |now: u32| (now < self.limit).then_some(now + 1);
        self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).ok()?;
        Some(Turn(Arc::clone(&self.calls)))
    }

    /// Runs `call` on one of the threads. It runs to its end also if the future that is returned here is
    /// dropped; a panic in it is raised again in the caller.
    pub(crate) fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        turn: Turn,
        call: F,
    ) -> impl Future<Output = T> + Send + use<T, F> {
        let running = self.runtime.as_ref().map(|runtime| {
            runtime.spawn(async move {
                let _turn = turn;
                call.await
            })
        });
        async move {
            match running {
                Some(running) => match running.await {
                    Ok(ended) => ended,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    // The process ends.
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
