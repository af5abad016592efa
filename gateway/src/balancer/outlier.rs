//! Outlier ejection: an address that fails several requests in a row is left alone for a time.
//!
//! Beyond Kong, and off unless an operator asks for it. It needs no list of statuses and no probe: the requests
//! of clients say who fails, and time brings an address back. Each ejection lasts longer than the one before,
//! and what stays well is forgiven one of them after the other.
//!
//! Deliberately not here: the counters of requests in a row, which share a word with those of health checks, so
//! that whether an address gets requests stays one look.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::health::Outcome;
use crate::config::Outliers;

/// What an outcome says of the address that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// It works.
    None,
    /// It answers that it does not.
    Server,
    /// It does not answer, or says that what is behind it does not.
    Gateway,
}

impl Blame {
    pub(super) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Status(502..=504) | Outcome::TcpFailure | Outcome::Timeout => Self::Gateway,
            Outcome::Status(500..=599) => Self::Server,
            Outcome::Status(_) | Outcome::Connected => Self::None,
        }
    }
}

impl Outliers {
    /// Whether failures in a row are too many.
    pub(super) fn are_reached(&self, errors: u8, gateway_errors: u8) -> bool {
        let reached = |limit: u8, count: u8| limit > 0 && count >= limit;
        reached(self.errors, errors) || reached(self.gateway_errors, gateway_errors)
    }

    /// Whether one more of `total` addresses may be ejected, of which so many are and so many others work.
    pub(super) fn have_room(&self, total: usize, ejected: usize, others: usize) -> bool {
        let most = (total * usize::from(self.percent) / 100).max(1);
        ejected < most && (others > 0 || self.percent >= 100)
    }
}

/// How often an address was ejected, and until when. Written by whoever ejects, and by the control plane.
#[derive(Debug)]
pub(super) struct Ejection {
    began: Instant,
    /// Milliseconds after `began`: the end of an ejection, after that the last time that one was forgiven.
    until_ms: AtomicU64,
    /// In a row, as far as they are not forgiven.
    times: AtomicU32,
    /// Since the address is known.
    total: AtomicU64,
}

impl Ejection {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            until_ms: AtomicU64::new(0),
            times: AtomicU32::new(0),
            total: AtomicU64::new(0),
        }
    }

    /// Begins one more; how long it lasts.
    pub(super) fn begin(&self, rules: &Outliers, now: Instant) -> Duration {
        let times = self.times.load(Ordering::Relaxed).saturating_add(1);
        let lasts = rules.time.checked_mul(times).unwrap_or(rules.longest).min(rules.longest);
        self.times.store(times, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
        self.until_ms.store(self.since(now) + millis(lasts), Ordering::Relaxed);
        lasts
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.since(now) >= self.until_ms.load(Ordering::Relaxed)
    }

    /// An address that has stayed for as long as the first ejection lasts is forgiven one of them.
    pub(super) fn forgive(&self, rules: &Outliers, now: Instant) {
        let (times, since) = (self.times.load(Ordering::Relaxed), self.until_ms.load(Ordering::Relaxed));
        if times > 0 && self.since(now) >= since.saturating_add(millis(rules.time)) {
            self.times.store(times - 1, Ordering::Relaxed);
            self.until_ms.store(self.since(now), Ordering::Relaxed);
        }
    }

    /// Whether there is something to forgive.
    pub(super) fn is_marked(&self) -> bool {
        self.times.load(Ordering::Relaxed) > 0
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn since(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.began))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
