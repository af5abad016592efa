//! How slowly a client may send a body.
//!
//! A limit on each wait alone lets a client send a byte a minute for ever. What counts here is the time in
//! which the client was waited for: an upstream that takes its time costs the client nothing.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// What every body may take beside what its bytes earn: slow starts, and pauses of honest clients.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// The pace of the current request's body. Times are those of the deadline's clock.
#[derive(Debug, Default)]
pub(super) struct BodyPace {
    waited: Cell<Duration>,
    since: Cell<Option<Instant>>,
}

impl BodyPace {
    /// The next request begins.
    pub(super) fn restart(&self) {
        self.waited.take();
        self.since.take();
    }

    /// The client is waited for from `now` on. Gives how long, at most: `limit`, or less for a client that
    /// has sent fewer than `rate` bytes a second so far.
    pub(super) fn wait(&self, now: Instant, bytes: u64, rate: Option<u64>, limit: Duration) -> Duration {
        self.since.set(Some(now));
        let Some(rate) = rate else { return limit };
        let earned = GRACE + Duration::from_secs(bytes / rate.max(1));
        limit.min(earned.saturating_sub(self.waited.get()))
    }

    /// Bytes came.
    pub(super) fn came(&self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited.set(self.waited.get() + now.saturating_duration_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Sends `bytes` every ten seconds; gives after how many seconds the patience is over.
    fn sent(bytes: u64, rate: Option<u64>, rounds: u64) -> Option<u64> {
        let pace = BodyPace::default();
        let began = Instant::now();
        for round in 0..rounds {
            let now = began + Duration::from_secs(round * 10);
            let left = pace.wait(now, round * bytes, rate, MINUTE);
            if left < Duration::from_secs(10) {
                return Some(round * 10 + left.as_secs());
            }
            pace.came(now + Duration::from_secs(10));
        }
        None
    }

    #[test]
    fn a_slow_client_has_thirty_seconds_and_what_its_bytes_earn() {
        assert_eq!(sent(0, Some(256), 100), Some(30), "nothing at all");
        assert_eq!(sent(256, Some(256), 100), Some(33), "a tenth of the rate");
        assert_eq!(sent(2560, Some(256), 1000), None, "just the rate");
        assert_eq!(sent(1, None, 1000), None, "no rate is asked for");
    }

    #[test]
    fn a_slow_upstream_costs_the_client_nothing() {
        let pace = BodyPace::default();
        let began = Instant::now();
        for round in 0..100 {
            let now = began + Duration::from_secs(round * 50);
            assert_eq!(pace.wait(now, 0, Some(256), MINUTE), Duration::from_secs(30));
            pace.came(now);
        }
        pace.wait(began, 0, Some(256), MINUTE);
        pace.came(began + Duration::from_secs(20));
        pace.restart();
        assert_eq!(pace.wait(began, 0, Some(256), MINUTE), Duration::from_secs(30), "the next request");
    }
}
