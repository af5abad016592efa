//! One address of a target, and what is counted for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::health::{Outcome, Tally, Thresholds};
use super::latency::Average;
use super::outlier::Ejection;
use crate::config::Outliers;

/// What the Admin API says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It gets requests.
    Healthy,
    /// It gets none.
    Unhealthy,
    /// Nothing could ever change its state.
    Off,
}

impl Health {
    /// Kong's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
            Self::Off => "HEALTHCHECKS_OFF",
        }
    }
}

/// One address of a target, and what is counted for it. Shared by all workers; outlives tables.
#[derive(Debug)]
pub struct AddressState {
    address: SocketAddr,
    tally: Tally,
    active: AtomicU32,
    latency: Average,
    ejection: Ejection,
}

impl AddressState {
    /// A healthy address that has not been asked yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tally: Tally::default(),
            active: AtomicU32::new(0),
            latency: Average::default(),
            ejection: Ejection::new(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it gets requests: it is healthy and not ejected.
    pub fn is_available(&self) -> bool {
        self.tally.is_available()
    }

    /// What health checks and operators say of it.
    pub fn is_healthy(&self) -> bool {
        self.tally.is_healthy()
    }

    /// Whether it is left alone for a time, since requests to it failed one after the other.
    pub fn is_ejected(&self) -> bool {
        self.tally.is_ejected()
    }

    /// How often it was ejected.
    pub fn ejections(&self) -> u64 {
        self.ejection.total()
    }

    /// Requests on their way, where the algorithm asks for them.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn latency(&self) -> &Average {
        &self.latency
    }

    pub(super) fn observe(&self, took: Duration, now_ms: u32) {
        self.latency.observe(took, now_ms);
    }

    pub(super) fn count(&self, thresholds: &Thresholds, outcome: Outcome) -> Option<bool> {
        self.tally.count(thresholds, outcome)
    }

    /// By hand: an ejection is over as well.
    pub(super) fn set_health(&self, healthy: bool) {
        self.tally.set(healthy);
    }

    /// Whether an outcome is one failure too many in a row.
    pub(super) fn is_outlier(&self, rules: &Outliers, outcome: Outcome) -> bool {
        self.tally.count_run(rules, outcome)
    }

    /// Leaves it alone from `now` on; for how long.
    pub(super) fn eject(&self, rules: &Outliers, now: Instant) -> Duration {
        let lasts = self.ejection.begin(rules, now);
        self.tally.eject(true);
        lasts
    }

    /// Brings it back if its time is over, and forgives what is long ago. True if it is back.
    pub(super) fn readmit(&self, rules: &Outliers, now: Instant) -> bool {
        if !self.is_ejected() {
            self.ejection.forgive(rules, now);
            return false;
        }
        let over = self.ejection.is_over(now);
        if over {
            self.tally.eject(false);
        }
        over
    }

    /// Whether time has still something to change.
    pub(super) fn is_marked(&self) -> bool {
        self.is_ejected() || self.ejection.is_marked()
    }
}
