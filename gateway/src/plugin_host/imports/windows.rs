//! The arithmetic of counters: token bucket, fixed and sliding windows. Pure.

pub(super) use crate::shared::Taken;

/// One counter. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    Bucket {
        tokens: f64,
        at: u64,
    },
    /// From, until, count.
    Window {
        from: u64,
        until: u64,
        count: u64,
    },
    Sliding {
        start: u64,
        count: u64,
        before: u64,
    },
}

/// Tokens come back at `refill` a second, up to `capacity`.
pub(super) fn bucket(
    old: Option<Counter>,
    (capacity, refill, cost): (u64, f64, u64),
    now: u64,
) -> (Counter, Taken) {
    let full = precise(capacity);
    let refill = if refill.is_finite() && refill > 0.0 { refill } else { 0.0 };
    let mut tokens = match old {
        Some(Counter::Bucket { tokens, at }) => {
            (tokens + precise(now.saturating_sub(at)) / 1000.0 * refill).min(full)
        }
        Some(Counter::Window { .. } | Counter::Sliding { .. }) | None => full,
    };
    let allowed = tokens >= precise(cost);
    if allowed {
        tokens -= precise(cost);
    }
    let missing = if allowed { full - tokens } else { precise(cost) - tokens };
    let reset_ms = if refill > 0.0 { whole((missing / refill * 1000.0).ceil()) } else { u64::MAX };
    (Counter::Bucket { tokens, at: now }, Taken { allowed, remaining: whole(tokens), reset_ms })
}

/// How many are counted in the window `from..until`.
pub(super) fn counted(old: Option<Counter>, from: u64, until: u64) -> u64 {
    match old {
        Some(Counter::Window { from: old_from, until: old_until, count })
            if old_from == from && old_until == until =>
        {
            count
        }
        Some(Counter::Window { .. } | Counter::Bucket { .. } | Counter::Sliding { .. }) | None => 0,
    }
}

/// Counts in a window that starts at multiples of `window` since the epoch.
pub(super) fn fixed(
    old: Option<Counter>,
    (limit, window, cost): (u64, u64, u64),
    now: u64,
) -> (Counter, Taken) {
    let window = window.max(1);
    let from = now - now % window;
    let until = from + window;
    let count = counted(old, from, until);
    let allowed = count.saturating_add(cost) <= limit;
    let count = if allowed { count + cost } else { count };
    let taken = Taken { allowed, remaining: limit.saturating_sub(count), reset_ms: until - now };
    (Counter::Window { from, until, count }, taken)
}

/// Counts in the last `window` milliseconds, from this window and a share of the one before it.
pub(super) fn sliding(
    old: Option<Counter>,
    (limit, window, cost): (u64, u64, u64),
    now: u64,
) -> (Counter, Taken) {
    let window = window.max(1);
    let start = now - now % window;
    let (mut count, before) = match old {
        Some(Counter::Sliding { start: old, count, before }) if old == start => (count, before),
        Some(Counter::Sliding { start: old, count, .. }) if old + window == start => (0, count),
        Some(Counter::Sliding { .. } | Counter::Bucket { .. } | Counter::Window { .. }) | None => (0, 0),
    };
    let share = precise(window - (now - start)) / precise(window);
    let weighted = count.saturating_add(whole((precise(before) * share).ceil()));
    let allowed = weighted.saturating_add(cost) <= limit;
    if allowed {
        count += cost;
    }
    let used = if allowed { weighted + cost } else { weighted };
    let taken = Taken { allowed, remaining: limit.saturating_sub(used), reset_ms: start + window - now };
    (Counter::Sliding { start, count, before }, taken)
}

#[expect(clippy::cast_precision_loss, reason = "counters are far below 2^53")]
fn precise(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; negatives become 0"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_refills() {
        let ask = (2, 1.0, 1);
        let (one, taken) = bucket(None, ask, 0);
        assert_eq!((taken.allowed, taken.remaining), (true, 1), "first");
        let (two, taken) = bucket(Some(one), ask, 0);
        assert_eq!((taken.allowed, taken.remaining), (true, 0), "second");
        let (three, taken) = bucket(Some(two), ask, 500);
        assert_eq!((taken.allowed, taken.reset_ms), (false, 500), "empty");
        assert!(bucket(Some(three), ask, 1000).1.allowed, "a second later");
    }

    #[test]
    fn fixed_window_ends() {
        let (one, taken) = fixed(None, (1, 1000, 1), 1700);
        assert_eq!(taken, Taken { allowed: true, remaining: 0, reset_ms: 300 });
        let (two, taken) = fixed(Some(one), (1, 1000, 1), 1999);
        assert!(!taken.allowed, "same window");
        assert!(fixed(Some(two), (1, 1000, 1), 2000).1.allowed, "next window");
    }

    #[test]
    fn sliding_window_remembers_the_one_before() {
        let mut counter = None;
        for _ in 0..10 {
            counter = Some(sliding(counter, (10, 1000, 1), 500).0);
        }
        assert!(!sliding(counter, (10, 1000, 1), 1000).1.allowed, "all ten still count");
        let taken = sliding(counter, (10, 1000, 1), 1500).1;
        assert_eq!((taken.allowed, taken.remaining), (true, 4), "half of them count");
    }
}
