//! Budgets for frames that cost the gateway work and bring no request forward.
//!
//! A well-behaved client stays far below each of them; one that floods uses one up within moments, and loses
//! its connection. Each fills again as time goes by.

use tokio::time::Instant;

use super::frames::Head;
use crate::proxy::strict::Malformed;

/// PING, SETTINGS, PRIORITY, CONTINUATION, empty DATA and unknown frames: at once, and each second.
const CONTROL: (u32, u32) = (1_000, 500);

/// RST_STREAM (CVE-2023-44487): at once, and each second.
const RESETS: (u32, u32) = (500, 200);

/// WINDOW_UPDATE: at once, and each second. What is sent to a client earns more, since each piece of it
/// may be acknowledged.
const UPDATES: (u32, u32) = (10_000, 5_000);

/// Bytes out that earn one WINDOW_UPDATE.
const EARNING: usize = 2 << 10;

/// What one connection may still send.
#[derive(Debug)]
pub(super) struct Budgets {
    control: Budget,
    resets: Budget,
    updates: Budget,
}

#[derive(Debug)]
struct Budget {
    left: u32,
    most: u32,
    each_second: u32,
    filled: Instant,
}

impl Budgets {
    pub(super) fn new(now: Instant) -> Self {
        let budget = |(most, each_second)| Budget { left: most, most, each_second, filled: now };
        Self { control: budget(CONTROL), resets: budget(RESETS), updates: budget(UPDATES) }
    }

    /// Counts one frame.
    ///
    /// # Errors
    ///
    /// If there were too many of its kind.
    pub(super) fn count(&mut self, head: Head, now: Instant) -> Result<(), Malformed> {
        let within = match head.kind {
            Head::HEADERS => true,
            Head::DATA if head.is_busy() => true,
            Head::RST_STREAM => self.resets.take(now),
            Head::WINDOW_UPDATE => self.updates.take(now),
            _ => self.control.take(now),
        };
        if within { Ok(()) } else { Err(Malformed::Ambiguous("a flood of HTTP/2 frames")) }
    }

    /// So many bytes went out.
    pub(super) fn earn(&mut self, bytes: usize) {
        let earned = u32::try_from(bytes / EARNING).unwrap_or(u32::MAX);
        self.updates.left = self.updates.left.saturating_add(earned);
    }
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        if self.left == 0 {
            let passed = now.saturating_duration_since(self.filled);
            let earned = passed.as_millis().saturating_mul(u128::from(self.each_second)) / 1_000;
            self.left = u32::try_from(earned).unwrap_or(u32::MAX).min(self.most);
            self.filled = now;
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many frames of this head pass at once.
    fn passing(budgets: &mut Budgets, head: Head, now: Instant) -> u32 {
        (0..100_000).take_while(|_| budgets.count(head, now).is_ok()).count().try_into().unwrap()
    }

    #[test]
    fn floods_end_and_requests_do_not() {
        let now = Instant::now();
        let head = |kind, flags, length| Head { kind, flags, length };
        for (case, head, want) in [
            ("ping", head(0x6, 0, 8), 1_000),
            ("settings", head(0x4, 0, 0), 1_000),
            ("priority", head(0x2, 0, 5), 1_000),
            ("continuation", head(0x9, 0, 1), 1_000),
            ("unknown", head(0xee, 0, 0), 1_000),
            ("empty data", head(0x0, 0, 0), 1_000),
            ("data that is padding only, perhaps", head(0x0, 0x8, 10), 1_000),
            ("reset", head(0x3, 0, 4), 500),
            ("window update", head(0x8, 0, 4), 10_000),
            ("headers", head(0x1, 0x4, 10), 100_000),
            ("data", head(0x0, 0, 1), 100_000),
            ("the end of a body", head(0x0, 0x1, 0), 100_000),
        ] {
            assert_eq!(passing(&mut Budgets::new(now), head, now), want, "{case}");
        }
    }

    #[test]
    fn a_budget_fills_with_time_and_with_what_is_sent() {
        let now = Instant::now();
        let mut budgets = Budgets::new(now);
        let reset = Head { kind: Head::RST_STREAM, flags: 0, length: 4 };
        assert_eq!(passing(&mut budgets, reset, now), 500);
        assert_eq!(passing(&mut budgets, reset, now + Duration::from_millis(500)), 100);
        assert_eq!(
            passing(&mut budgets, reset, now + Duration::from_secs(60)),
            500,
            "never more than at first"
        );
        let update = Head { kind: Head::WINDOW_UPDATE, flags: 0, length: 4 };
        assert_eq!(passing(&mut budgets, update, now), 10_000);
        budgets.earn(64 << 10);
        assert_eq!(passing(&mut budgets, update, now), 32);
    }
}
