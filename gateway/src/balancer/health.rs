//! Counters of one address and the state that follows from them, as Kong counts.
//!
//! Four counters of a byte each and the state are one word, so that a report is one exchange of it. A
//! success takes the failures back and the other way round. What points to where the state fully is
//! already is not counted, and a threshold of 0 switches its counter off.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{HealthyRule, UnhealthyRule};

/// What one request or one probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// A connection: what a probe of TCP is after.
    Connected,
    /// No connection, or one that broke.
    TcpFailure,
    /// Nothing within the time.
    Timeout,
}

/// When a state changes: of passive checks, or of active ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thresholds {
    healthy: HealthyRule,
    unhealthy: UnhealthyRule,
}

/// The rules of an upstream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HealthRules {
    /// For the requests of clients.
    pub passive: Thresholds,
    /// For probes.
    pub active: Thresholds,
    /// Whether anything could change a state at all.
    pub on: bool,
}

impl Thresholds {
    /// From the fields of the entity.
    pub fn new(healthy: HealthyRule, unhealthy: UnhealthyRule) -> Self {
        Self { healthy, unhealthy }
    }

    /// What an outcome counts for; `None` for nothing.
    fn report(&self, outcome: Outcome) -> Option<Report> {
        let (counter, limit) = match outcome {
            Outcome::Status(status) if self.healthy.http_statuses.contains(&status) => {
                (Counter::Successes, self.healthy.successes)
            }
            Outcome::Status(status) if self.unhealthy.http_statuses.contains(&status) => {
                (Counter::HttpFailures, self.unhealthy.http_failures)
            }
            Outcome::Status(_) => return None,
            Outcome::Connected => (Counter::Successes, self.healthy.successes),
            Outcome::TcpFailure => (Counter::TcpFailures, self.unhealthy.tcp_failures),
            Outcome::Timeout => (Counter::Timeouts, self.unhealthy.timeouts),
        };
        (limit > 0).then_some(Report { counter, limit })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    counter: Counter,
    limit: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counter {
    Successes,
    HttpFailures,
    TcpFailures,
    Timeouts,
}

/// Where a target stands. "Mostly" means that reports to the contrary have begun to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Healthy,
    MostlyHealthy,
    MostlyUnhealthy,
    Unhealthy,
}

impl State {
    fn is_healthy(self) -> bool {
        match self {
            Self::Healthy | Self::MostlyHealthy => true,
            Self::MostlyUnhealthy | Self::Unhealthy => false,
        }
    }
}

/// The counters, unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    state: State,
    successes: u8,
    http: u8,
    tcp: u8,
    timeouts: u8,
}

impl Counters {
    fn unpack(word: u64) -> Self {
        let [successes, http, tcp, timeouts, state, ..] = word.to_le_bytes();
        let state = match state {
            0 => State::Healthy,
            1 => State::MostlyHealthy,
            2 => State::MostlyUnhealthy,
            _ => State::Unhealthy,
        };
        Self { state, successes, http, tcp, timeouts }
    }

    fn pack(self) -> u64 {
        let state = match self.state {
            State::Healthy => 0,
            State::MostlyHealthy => 1,
            State::MostlyUnhealthy => 2,
            State::Unhealthy => 3,
        };
        u64::from_le_bytes([self.successes, self.http, self.tcp, self.timeouts, state, 0, 0, 0])
    }

    /// What a report makes of them; `None` if it is not counted.
    fn after(mut self, report: Report) -> Option<Self> {
        let (to, full) = match report.counter {
            Counter::Successes => (true, State::Healthy),
            Counter::HttpFailures | Counter::TcpFailures | Counter::Timeouts => (false, State::Unhealthy),
        };
        if self.state == full {
            return None;
        }
        let counter = match report.counter {
            Counter::Successes => &mut self.successes,
            Counter::HttpFailures => &mut self.http,
            Counter::TcpFailures => &mut self.tcp,
            Counter::Timeouts => &mut self.timeouts,
        };
        *counter = counter.saturating_add(1);
        let reached = *counter >= report.limit;
        if to {
            (self.http, self.tcp, self.timeouts) = (0, 0, 0);
        } else {
            self.successes = 0;
        }
        self.state = match (reached, self.state) {
            (true, _) => full,
            (false, State::Healthy) => State::MostlyHealthy,
            (false, State::Unhealthy) => State::MostlyUnhealthy,
            (false, state @ (State::MostlyHealthy | State::MostlyUnhealthy)) => state,
        };
        Some(self)
    }
}

/// The counters of one address, shared by all workers and the probes.
#[derive(Debug, Default)]
pub(super) struct Tally(AtomicU64);

impl Tally {
    /// Counts an outcome. Gives the new state if it is another one now.
    pub(super) fn count(&self, thresholds: &Thresholds, outcome: Outcome) -> Option<bool> {
        let report = thresholds.report(outcome)?;
        let step = |word| Counters::unpack(word).after(report).map(Counters::pack);
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step).ok()?;
        let (was, is) = (Counters::unpack(before).state, Counters::unpack(before).after(report)?.state);
        (was.is_healthy() != is.is_healthy()).then_some(is.is_healthy())
    }

    /// Sets the state by hand; the counters begin anew.
    pub(super) fn set(&self, healthy: bool) {
        let state = if healthy { State::Healthy } else { State::Unhealthy };
        let counters = Counters { state, successes: 0, http: 0, tcp: 0, timeouts: 0 };
        self.0.store(counters.pack(), Ordering::Release);
    }

    pub(super) fn is_healthy(&self) -> bool {
        Counters::unpack(self.0.load(Ordering::Acquire)).state.is_healthy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Outcome = Outcome::Status(200);
    const BAD: Outcome = Outcome::Status(500);
    const ODD: Outcome = Outcome::Status(418);

    fn thresholds(successes: u8, http: u8, tcp: u8, timeouts: u8) -> Thresholds {
        Thresholds::new(
            HealthyRule { interval: 0.0, http_statuses: vec![200], successes },
            UnhealthyRule {
                interval: 0.0,
                http_statuses: vec![500],
                tcp_failures: tcp,
                timeouts,
                http_failures: http,
            },
        )
    }

    #[test]
    fn states_follow_kongs_counters() {
        use Outcome::{TcpFailure, Timeout};
        let three = thresholds(2, 3, 2, 1);
        for (case, thresholds, outcomes, healthy) in [
            ("nothing", three.clone(), vec![], true),
            ("failures below the limit", three.clone(), vec![BAD, BAD], true),
            ("failures at the limit", three.clone(), vec![BAD, BAD, BAD], false),
            (
                "two successes in between are few failures again",
                three.clone(),
                vec![BAD, BAD, OK, BAD, BAD],
                true,
            ),
            ("one success in between takes them all back", three.clone(), vec![BAD, BAD, OK, BAD], true),
            ("each kind has its own counter", three.clone(), vec![BAD, BAD, TcpFailure], true),
            ("of TCP", three.clone(), vec![TcpFailure, TcpFailure], false),
            ("one timeout is enough here", three.clone(), vec![Timeout], false),
            ("a status in no list", three.clone(), vec![ODD; 9], true),
            ("back after two successes", three.clone(), vec![Timeout, OK, OK], true),
            ("not after one", three.clone(), vec![Timeout, OK], false),
            ("a failure on the way back begins anew", three.clone(), vec![BAD, BAD, BAD, OK, BAD, OK], false),
            ("a limit of 0 never counts", thresholds(0, 0, 0, 0), vec![BAD, TcpFailure, Timeout, BAD], true),
            ("no way back without successes", thresholds(0, 1, 0, 0), vec![BAD, OK, OK, OK], false),
            ("a counter that is off takes nothing back", thresholds(0, 2, 0, 0), vec![BAD, OK, BAD], false),
        ] {
            let tally = Tally::default();
            for outcome in outcomes {
                tally.count(&thresholds, outcome);
            }
            assert_eq!(tally.is_healthy(), healthy, "{case}");
        }
    }

    #[test]
    fn a_change_is_told_once_and_by_hand_everything_begins_anew() {
        let thresholds = thresholds(1, 2, 0, 0);
        let tally = Tally::default();
        assert_eq!(tally.count(&thresholds, BAD), None);
        assert_eq!(tally.count(&thresholds, BAD), Some(false));
        assert_eq!(tally.count(&thresholds, BAD), None, "it is so already");
        assert_eq!(tally.count(&thresholds, OK), Some(true));
        tally.count(&thresholds, BAD);
        tally.set(true);
        assert_eq!(tally.count(&thresholds, BAD), None, "the first of two again");
        tally.set(false);
        assert!(!tally.is_healthy());
    }
}
