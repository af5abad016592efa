//! Wall-clock time as a value, so that tests can set it.
//!
//! For moments that are shown or stored. Durations and deadlines are not its business: those come
//! from `tokio::time::Instant`, which never jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. A clone of a manual clock shows the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The clock of the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix_ms` until [`Clock::set_unix_ms`].
    pub fn manual(unix_ms: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(unix_ms))))
    }

    /// Unix milliseconds. A call of some 20 ns that does not enter the kernel.
    pub fn unix_ms(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            Source::Manual(now) => now.load(Ordering::Relaxed),
        }
    }

    /// Unix seconds.
    pub fn unix_seconds(&self) -> u64 {
        self.unix_ms() / 1000
    }

    /// Sets a manual clock and all its clones. The system's clock stays as it is.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        if let Source::Manual(now) = &self.0 {
            now.store(unix_ms, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = Clock::manual(5_000);
        let other = clock.clone();
        clock.set_unix_ms(7_999);
        assert_eq!((other.unix_ms(), other.unix_seconds()), (7_999, 7));
    }

    #[test]
    fn the_system_clock_is_after_this_line_was_written() {
        assert!(Clock::system().unix_ms() > 1_750_000_000_000);
    }
}
