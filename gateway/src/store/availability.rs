//! Whether the database answers, so that an outage costs its callers one wait and not one each.
//!
//! After a failure the store says "unavailable" at once for a second, then lets a single operation
//! try. It decides nothing about the operation itself and never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::StoreError;
use super::settings::OPERATION_TIMEOUT;

/// How long nobody tries after a failure.
const REST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Availability {
    started: Instant,
    /// Milliseconds after `started` until which operations fail at once; 0 while all is well.
    closed_until: AtomicU64,
    /// For `Store::is_available` and for one line in the log per outage.
    away: AtomicBool,
}

impl Availability {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), closed_until: AtomicU64::new(0), away: AtomicBool::new(false) }
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Lets an operation begin, or refuses it while the database is known to be away.
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        self.admit_at(self.now())
    }

    /// Learns from the end of an operation that was admitted.
    pub(super) fn observe<T>(&self, outcome: &Result<T, StoreError>) {
        self.observe_at(self.now(), outcome);
    }

    fn admit_at(&self, now: u64) -> Result<(), StoreError> {
        let until = self.closed_until.load(Ordering::Acquire);
        if until == 0 {
            return Ok(());
        }
        // The one that gets through keeps the others out until it knows more.
        let next = now + whole_ms(OPERATION_TIMEOUT);
        let won = now >= until
            && self.closed_until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if won {
            return Ok(());
        }
        Err(StoreError::outage("it did not answer a moment ago"))
    }

    fn observe_at<T>(&self, now: u64, outcome: &Result<T, StoreError>) {
        match outcome {
            Err(StoreError::Unavailable { reason, outage: true }) => {
                self.closed_until.store(now + whole_ms(REST), Ordering::Release);
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(reason, "the database is away");
                }
            }
            Ok(_) | Err(_) => {
                self.closed_until.store(0, Ordering::Release);
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("the database is back");
                }
            }
        }
    }

    /// At least 1, since 0 means "open".
    fn now(&self) -> u64 {
        whole_ms(self.started.elapsed()).max(1)
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage() -> Result<(), StoreError> {
        Err(StoreError::outage("test"))
    }

    #[test]
    fn after_a_failure_one_operation_tries_and_the_others_fail_at_once() {
        let availability = Availability::new();
        let rest = whole_ms(REST);
        assert!(availability.admit_at(1).is_ok(), "nothing failed yet");
        availability.observe_at(1, &outage());
        assert!(availability.admit_at(rest).is_err(), "at rest");
        assert!(availability.admit_at(1 + rest).is_ok(), "the first after the rest tries");
        assert!(availability.admit_at(1 + rest).is_err(), "the second does not");
        availability.observe_at(1 + rest, &outage());
        assert!(availability.is_away());
        assert!(availability.admit_at(1 + 2 * rest).is_ok());
        availability.observe_at(1 + 2 * rest, &Ok(()));
        assert!(availability.admit_at(1 + 2 * rest).is_ok(), "open again");
        assert!(availability.admit_at(1 + 2 * rest).is_ok(), "for all");
        assert!(!availability.is_away());
    }

    #[test]
    fn a_refusal_is_no_outage_and_neither_is_a_queue() {
        let availability = Availability::new();
        for outcome in [StoreError::busy("test"), StoreError::Refused("test".into())] {
            availability.observe_at::<()>(1, &Err(outcome));
            assert!(availability.admit_at(1).is_ok());
        }
    }

    #[test]
    fn an_operation_that_never_ends_does_not_close_the_store_for_good() {
        let availability = Availability::new();
        availability.observe_at(1, &outage());
        let tries = 1 + whole_ms(REST);
        assert!(availability.admit_at(tries).is_ok(), "admitted, then its caller goes away");
        assert!(availability.admit_at(tries + whole_ms(OPERATION_TIMEOUT)).is_ok(), "the next one tries");
    }
}
