//! What a host needs in addition to try plugins out, rather than to serve: instructions are counted, lines
//! of every level are kept, and the clock stands where the trial puts it.
//!
//! Everything else is as it is in a gateway: the limits, the chain, the checks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::plugin_host::runtime::Fuel;

/// The settings of a trial, and what it measures. A clone belongs to the same trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What plugins read as the time, and what their counters go by.
    pub clock: Clock,
    spent: Arc<Mutex<Vec<Spent>>>,
}

/// What one call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The phase, or `configure`.
    pub phase: &'static str,
    /// WebAssembly instructions, about; the same for the same call of the same component.
    pub fuel: u64,
}

impl Trial {
    /// A trial at the time of `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, spent: Arc::default() }
    }

    /// What calls have cost since this was asked last, in their order.
    pub fn take_spent(&self) -> Vec<Spent> {
        std::mem::take(&mut *self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a call that left `left` of [`Fuel::FULL`].
    pub(crate) fn note(&self, phase: &'static str, left: u64) {
        let spent = Spent { phase, fuel: Fuel::FULL.saturating_sub(left) };
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).push(spent);
    }
}
