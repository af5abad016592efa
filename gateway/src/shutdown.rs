//! How the process ends: a signal begins the drain, a grace period bounds it.
//!
//! The first SIGTERM, SIGQUIT or SIGINT asks everybody to finish; a second one, or the end of the
//! grace period, tells them to stop. What finishing means is up to the listeners of [`Drain`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How far the end of the process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Serving.
    Running = 0,
    /// Accept nothing new, finish what runs.
    Draining = 1,
    /// Stop now.
    Ended = 2,
}

/// Sees the end coming. Cheap to clone; works across runtimes.
#[derive(Debug, Clone)]
pub struct Drain {
    phase: watch::Receiver<Phase>,
    flag: Arc<AtomicU8>,
}

/// Begins the end. Dropping it ends everything: nobody else could.
#[derive(Debug)]
pub struct Trigger {
    phase: watch::Sender<Phase>,
    flag: Arc<AtomicU8>,
}

/// A running process, and the trigger that ends it.
pub fn channel() -> (Trigger, Drain) {
    let (sender, receiver) = watch::channel(Phase::Running);
    let flag = Arc::new(AtomicU8::new(Phase::Running as u8));
    (Trigger { phase: sender, flag: Arc::clone(&flag) }, Drain { phase: receiver, flag })
}

impl Trigger {
    /// Moves on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.flag.fetch_max(phase as u8, Ordering::Relaxed);
        self.phase.send_if_modified(|current| {
            let moves = *current < phase;
            *current = phase.max(*current);
            moves
        });
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.advance(Phase::Ended);
    }
}

impl Drain {
    /// Whether to refuse new work. One relaxed load: fit for every request.
    pub fn is_draining(&self) -> bool {
        self.flag.load(Ordering::Relaxed) >= Phase::Draining as u8
    }

    /// Waits until the drain begins; at once if it has.
    pub async fn started(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until the grace period is over, or a second signal came.
    pub async fn ended(&self) {
        self.reached(Phase::Ended).await;
    }

    async fn reached(&self, phase: Phase) {
        // An error means that the trigger is gone, which is the last phase.
        _ = self.phase.clone().wait_for(|current| *current >= phase).await;
    }
}

/// Takes SIGXFSZ over from its default, which is to end the process: a write that meets a limit of file sizes then
/// fails, as on a full disk.
///
/// # Errors
///
/// The operating system's, if it refuses a handler.
pub fn outlive_file_limits() -> std::io::Result<()> {
    // The handler stays when nobody listens.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// The signals that end the process, listened to from now on.
#[derive(Debug)]
pub struct EndSignals {
    terminate: Signal,
    quit: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Takes the three signals over from their default, which is to end the process at once.
    ///
    /// # Errors
    ///
    /// The operating system's, if it refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one that arrives.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.quit.recv() => "SIGQUIT",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Turns signals into phases until the process ends; run it as a task of its own.
    pub async fn drive(mut self, trigger: Trigger, grace: Duration) {
        let name = self.next().await;
        tracing::info!(signal = name, grace_ms = grace.as_millis(), "draining");
        trigger.advance(Phase::Draining);
        let reason = tokio::select! {
            name = self.next() => name,
            () = tokio::time::sleep(grace) => "grace period over",
            // Everybody who listens has finished: nothing is left to be cut.
            () = trigger.phase.closed() => return,
        };
        tracing::info!(reason, "stopping now");
        trigger.advance(Phase::Ended);
        // Kept open for those who ask later.
        trigger.phase.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_move_forward() {
        let (trigger, drain) = channel();
        assert!(!drain.is_draining());
        trigger.advance(Phase::Ended);
        trigger.advance(Phase::Draining);
        drain.started().await;
        drain.ended().await;
        assert!(drain.is_draining());
    }

    #[tokio::test]
    async fn the_grace_period_ends_the_drain() {
        let mut signals = EndSignals::listen().expect("handlers");
        let (trigger, drain) = channel();
        let pid = std::process::id().to_string();
        // `kill` stands in for the orchestrator; the handler is in place already.
        let killed = std::process::Command::new("kill").args(["-QUIT", &pid]).status();
        assert!(killed.expect("kill runs").success());
        assert_eq!(signals.next().await, "SIGQUIT");
        let driver = tokio::spawn(signals.drive(trigger, Duration::from_millis(1)));
        assert!(!drain.is_draining(), "nothing drains before the next signal");
        let killed = std::process::Command::new("kill").args(["-QUIT", &pid]).status();
        assert!(killed.expect("kill runs").success());
        drain.ended().await;
        drop(drain);
        driver.await.expect("no panic");
    }
}
