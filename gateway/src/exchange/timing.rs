//! When what happened in an exchange.

use std::time::Duration;

use tokio::time::Instant;

/// When what happened in an exchange. Later moments are `None` until they come.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The request head was read.
    pub started: Instant,
    /// The same in wall-clock time, Unix milliseconds.
    pub started_unix_ms: u64,
    /// The head went to the upstream (last attempt).
    pub upstream_sent: Option<Instant>,
    /// The response head came from the upstream.
    pub upstream_answered: Option<Instant>,
    /// The response head was handed to the client's connection.
    pub answered: Option<Instant>,
    /// The last byte was handed to the client's connection, or the client left.
    pub ended: Option<Instant>,
    /// Time spent inside plugin calls, guest and host together.
    pub plugins: Duration,
}

impl Timing {
    /// Begins at `started`.
    pub fn begin(started: Instant, started_unix_ms: u64) -> Self {
        Self {
            started,
            started_unix_ms,
            upstream_sent: None,
            upstream_answered: None,
            answered: None,
            ended: None,
            plugins: Duration::ZERO,
        }
    }

    /// From sending the head to the upstream until its answer's head; `None` without an upstream.
    pub fn upstream_latency(&self) -> Option<Duration> {
        Some(self.upstream_answered?.saturating_duration_since(self.upstream_sent?))
    }

    /// Time spent in the gateway before the request went out, or before it answered by itself.
    pub fn gateway_latency(&self) -> Duration {
        let until = self.upstream_sent.or(self.answered).unwrap_or(self.started);
        until.saturating_duration_since(self.started)
    }

    /// From the request head to the last byte; up to `now` while the exchange runs.
    pub fn total(&self, now: Instant) -> Duration {
        self.ended.unwrap_or(now).saturating_duration_since(self.started)
    }
}
