//! One address of a target, and what is counted for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::health::{Outcome, Tally, Thresholds};
use super::latency::Average;

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
}

impl AddressState {
    /// A healthy address that has not been asked yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, tally: Tally::default(), active: AtomicU32::new(0), latency: Average::default() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it gets requests.
    pub fn is_available(&self) -> bool {
        self.tally.is_healthy()
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

    pub(super) fn set_health(&self, healthy: bool) {
        self.tally.set(healthy);
    }
}
