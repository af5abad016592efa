//! Whether a server answers, so that an outage costs its callers one wait and not one each.
//!
//! After a failure operations are refused at once for a second, then a single one may try. One that fails late,
//! after another that began later was answered, says nothing of now. It decides nothing about the operation
//! itself and never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long nobody tries after a failure.
const REST: Duration = Duration::from_secs(1);

/// The server did not answer a moment ago, so that nobody tries now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it did not answer a moment ago")]
pub struct Resting;

/// An operation that may begin, and when: milliseconds after the start of its [`Availability`].
#[derive(Debug)]
#[must_use = "how it ends is what is known of the server"]
pub struct Attempt(u64);

/// Whether one server answers.
#[derive(Debug)]
pub struct Availability {
    /// For the log.
    server: Box<str>,
    /// How long the one that tries may take before another tries.
    patience: Duration,
    started: Instant,
    /// Milliseconds after `started` until which operations fail at once; 0 while all is well.
    closed_until: AtomicU64,
    /// Milliseconds after `started` of the last failure; 0 before the first.
    failed_at: AtomicU64,
    /// Milliseconds after `started` at which the latest operation began that was answered.
    answered: AtomicU64,
    /// For `Store::is_available` and for one line in the log per outage.
    away: AtomicBool,
}

impl Availability {
    /// `server` is what the log calls it; no operation takes longer than `patience`.
    pub fn new(server: impl Into<Box<str>>, patience: Duration) -> Self {
        let (server, closed_until, away) = (server.into(), AtomicU64::new(0), AtomicBool::new(false));
        let (failed_at, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { server, patience, started: Instant::now(), closed_until, failed_at, answered, away }
    }

    /// True from the first failure until the server answers again.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Whether the server failed since a moment so long ago: what was open then may lead nowhere.
    pub fn failed_within(&self, age: Duration) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        failed_at > 0 && failed_at >= self.now().saturating_sub(whole_ms(age))
    }

    /// Whether an operation was answered that began at most so long ago, and none has failed since.
    pub fn answered_within(&self, age: Duration) -> bool {
        self.answered_within_at(self.now(), age)
    }

    fn answered_within_at(&self, now: u64, age: Duration) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        answered > 0 && answered >= now.saturating_sub(whole_ms(age)) && !self.is_away()
    }

    /// Lets an operation begin.
    ///
    /// # Errors
    ///
    /// [`Resting`] while the server is known to be away.
    pub fn admit(&self) -> Result<Attempt, Resting> {
        self.admit_at(self.now())
    }

    /// Lets an operation begin that somebody waits for. While the server is away it never is the one that
    /// tries: that takes as long as the server is silent.
    ///
    /// # Errors
    ///
    /// [`Resting`] until another operation has found the server again.
    pub fn admit_waiting(&self) -> Result<Attempt, Resting> {
        let open = self.closed_until.load(Ordering::Acquire) == 0;
        if open { Ok(Attempt(self.now())) } else { Err(Resting) }
    }

    /// Learns from the end of an operation; `outage` says why the server is away.
    pub fn observe(&self, attempt: Attempt, outage: Option<&str>) {
        self.observe_at(self.now(), attempt, outage);
    }

    fn admit_at(&self, now: u64) -> Result<Attempt, Resting> {
        let until = self.closed_until.load(Ordering::Acquire);
        if until == 0 {
            return Ok(Attempt(now));
        }
        // The one that gets through keeps the others out until it knows more.
        let next = now + whole_ms(self.patience);
        let won = now >= until
            && self.closed_until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if won { Ok(Attempt(now)) } else { Err(Resting) }
    }

    fn observe_at(&self, now: u64, Attempt(began): Attempt, outage: Option<&str>) {
        match outage {
            Some(reason) => {
                // Connections of that time are not to be trusted, however the server fares now.
                self.failed_at.store(now, Ordering::Relaxed);
                if began < self.answered.load(Ordering::Relaxed) {
                    return;
                }
                self.closed_until.store(now + whole_ms(REST), Ordering::Release);
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(reason, "{} is away", self.server);
                }
            }
            None => {
                self.answered.fetch_max(began, Ordering::Relaxed);
                self.closed_until.store(0, Ordering::Release);
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("{} is back", self.server);
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

    const PATIENCE: Duration = Duration::from_secs(5);

    fn fresh() -> Availability {
        Availability::new("the test", PATIENCE)
    }

    /// What an operation that is admitted at this moment comes to.
    fn fails(availability: &Availability, at: u64) {
        let attempt = availability.admit_at(at).expect("it is admitted");
        availability.observe_at(at, attempt, Some("test"));
    }

    #[test]
    fn after_a_failure_one_operation_tries_and_the_others_fail_at_once() {
        let availability = fresh();
        let rest = whole_ms(REST);
        fails(&availability, 1);
        assert!(availability.admit_at(rest).is_err(), "at rest");
        assert!(availability.admit_waiting().is_err(), "nobody who is waited for");
        let first = availability.admit_at(1 + rest).expect("the first after the rest tries");
        assert!(availability.admit_at(1 + rest).is_err(), "the second does not");
        availability.observe_at(1 + rest, first, Some("test"));
        assert!(availability.is_away());
        let second = availability.admit_at(1 + 2 * rest).expect("and again");
        availability.observe_at(1 + 2 * rest, second, None);
        assert!(availability.admit_at(1 + 2 * rest).is_ok(), "open again");
        assert!(availability.admit_at(1 + 2 * rest).is_ok(), "for all");
        assert!(!availability.is_away());
        assert!(availability.admit_waiting().is_ok());
    }

    #[test]
    fn an_answer_counts_for_a_while_and_until_a_failure() {
        let availability = fresh();
        let lately = |now| availability.answered_within_at(now, Duration::from_secs(10));
        assert!(!lately(1), "nothing was ever answered");
        let attempt = availability.admit_at(5).unwrap();
        availability.observe_at(6, attempt, None);
        assert_eq!([lately(6), lately(10_005), lately(10_006)], [true, true, false]);
        fails(&availability, 7);
        assert!(!lately(8));
    }

    #[test]
    fn an_operation_that_never_ends_does_not_close_the_store_for_good() {
        let availability = fresh();
        fails(&availability, 1);
        let tries = 1 + whole_ms(REST);
        assert!(availability.admit_at(tries).is_ok(), "admitted, then its caller goes away");
        assert!(availability.admit_at(tries + whole_ms(PATIENCE)).is_ok(), "the next one tries");
    }

    #[test]
    fn what_began_in_an_outage_does_not_close_the_store_after_it() {
        let availability = fresh();
        let stuck = availability.admit_at(10).unwrap();
        fails(&availability, 20);
        let later = 20 + whole_ms(REST);
        let good = availability.admit_at(later).unwrap();
        availability.observe_at(later + 5, good, None);
        availability.observe_at(later + 10, stuck, Some("test"));
        assert!(!availability.is_away(), "it is told of another time");
        assert!(availability.admit_at(later + 10).is_ok());
        assert_eq!(
            availability.failed_at.load(Ordering::Relaxed),
            later + 10,
            "connections of then are closed"
        );
        fails(&availability, later + 20);
        assert!(availability.is_away(), "one that began since");
    }
}
