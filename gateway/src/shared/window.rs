//! What is asked of a counter, and what it answers.

use std::time::{SystemTime, UNIX_EPOCH};

/// Servers count in numbers that are exact up to here: Redis's scripts know doubles only.
const MOST: u64 = 1 << 53;

/// How a window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// It starts at multiples of its length since the epoch.
    Fixed,
    /// It ends now: counts of this window, and a share of those of the one before.
    Sliding,
}

/// What a counter answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// It was counted.
    pub allowed: bool,
    /// What is left now.
    pub remaining: u64,
    /// Milliseconds to the end of the window.
    pub reset_ms: u64,
}

/// One question to a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    pub(super) this: String,
    /// The window before, and the share of it that still counts.
    pub(super) before: Option<(String, f64)>,
    pub(super) limit: u64,
    pub(super) cost: u64,
    pub(super) reset_ms: u64,
    /// After this the counter says nothing any more.
    pub(super) life_ms: u64,
}

impl Ask {
    /// Asks to count `cost` under `key`, up to `limit` in `window_ms` milliseconds, at `now_ms`.
    pub fn new(key: &str, window: Window, (limit, window_ms, cost): (u64, u64, u64), now_ms: u64) -> Self {
        let window_ms = window_ms.clamp(1, MOST);
        let gone = now_ms % window_ms;
        let start = now_ms - gone;
        let name = |start: u64| format!("weir:c:{{{key}}}:{window_ms}:{start}");
        let reset_ms = window_ms - gone;
        let (before, life_ms) = match window {
            Window::Fixed => (None, reset_ms),
            Window::Sliding => {
                let before = start.checked_sub(window_ms).map(name);
                (before.map(|name| (name, share(reset_ms, window_ms))), reset_ms + window_ms)
            }
        };
        let (limit, cost) = (limit.min(MOST), cost.min(MOST));
        Self { this: name(start), before, limit, cost, reset_ms, life_ms }
    }

    /// Asks to count `cost` under `key`, up to `limit` between two Unix milliseconds of the asker's choosing.
    pub fn between(
        key: &str,
        (from_ms, until_ms): (u64, u64),
        (limit, cost): (u64, u64),
        now_ms: u64,
    ) -> Self {
        // A window that is over already counts for a moment, so that nothing is kept for ever.
        let reset_ms = until_ms.saturating_sub(now_ms).clamp(1, MOST);
        let this = format!("weir:c:{{{key}}}:{from_ms}-{until_ms}");
        let (limit, cost) = (limit.min(MOST), cost.min(MOST));
        Self { this, before: None, limit, cost, reset_ms, life_ms: reset_ms }
    }

    /// The answer for a counter that holds `count`, when all of them fit together or not.
    pub(super) fn answer_among(&self, all: bool, count: u64) -> Taken {
        self.answer(all || count.saturating_add(self.cost) <= self.limit, count)
    }

    /// The answer for a counter that now stands at `used`, shares of the window before included.
    pub(super) fn answer(&self, allowed: bool, used: u64) -> Taken {
        Taken { allowed, remaining: self.limit.saturating_sub(used), reset_ms: self.reset_ms }
    }
}

#[expect(clippy::cast_precision_loss, reason = "both are at most 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Wall-clock time in Unix milliseconds.
pub fn unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
