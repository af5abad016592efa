//! A number of lines and bytes in a while, for all workers together: what goes to the log.
//!
//! Only touched by what writes to the log, which is shared by all threads in any case.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What was let through in the present window.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    window: AtomicU64,
    lines: AtomicU32,
    bytes: AtomicU32,
    dropped: AtomicU64,
}

/// What may go through in one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) window: Duration,
    pub(crate) lines: u32,
    pub(crate) bytes: u32,
}

impl Quota {
    /// Takes one line of `bytes`, at `now` since any fixed moment. Says how many lines were dropped
    /// before it, or `None` to drop it too.
    ///
    /// Two threads that meet at the border of a window may let a line more through.
    pub(crate) fn take(&self, now: Duration, bytes: usize, rate: &Rate) -> Option<u64> {
        // Not 0, which is the window before the first.
        let window = 1 + u64::try_from(now.as_nanos() / rate.window.as_nanos().max(1)).unwrap_or_default();
        if self.window.swap(window, Ordering::Relaxed) != window {
            self.lines.store(0, Ordering::Relaxed);
            self.bytes.store(0, Ordering::Relaxed);
        }
        let size = u32::try_from(bytes).unwrap_or(u32::MAX);
        let lines = self.lines.fetch_add(1, Ordering::Relaxed);
        let fits = |used: u32| used.checked_add(size).filter(|sum| *sum <= rate.bytes);
        let taken =
            lines < rate.lines && self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if taken {
            return Some(self.dropped.swap(0, Ordering::Relaxed));
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bytes_are_bounded_in_each_window() {
        let rate = Rate { window: Duration::from_secs(1), lines: 3, bytes: 100 };
        let quota = Quota::default();
        let at = |ms| Duration::from_millis(ms);
        assert_eq!(quota.take(at(0), 90, &rate), Some(0));
        assert_eq!(quota.take(at(1), 20, &rate), None, "too many bytes");
        assert_eq!(quota.take(at(2), 10, &rate), Some(1), "fits, and tells of the one before");
        assert_eq!(quota.take(at(3), 0, &rate), None, "too many lines");
        assert_eq!(quota.take(at(1000), 10, &rate), Some(1), "the next second");
    }
}
