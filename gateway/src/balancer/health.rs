//! Counters of one address and the state that follows from them, as Kong counts.
//!
//! Four counters of a byte each and the state are one word, so that a report is one exchange of it. A
//! success takes the failures back and the other way round. What points to where the state fully is
//! already is not counted, and a threshold of 0 switches its counter off. The failures in a row that lead to an
//! ejection, and whether there is one, have the rest of the word.

use std::sync::atomic::{AtomicU64, Ordering};

use super::outlier::Blame;
use crate::config::Outliers;
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
    /// Who is ejected; `None` for nobody.
    pub outliers: Option<Outliers>,
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
    run: Run,
}

/// Requests that failed one after the other, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Run {
    errors: u8,
    gateway_errors: u8,
    ejected: bool,
}

impl Counters {
    fn unpack(word: u64) -> Self {
        let [successes, http, tcp, timeouts, state, errors, gateway_errors, ejected] = word.to_le_bytes();
        let state = match state {
            0 => State::Healthy,
            1 => State::MostlyHealthy,
            2 => State::MostlyUnhealthy,
            _ => State::Unhealthy,
        };
        let run = Run { errors, gateway_errors, ejected: ejected != 0 };
        Self { state, successes, http, tcp, timeouts, run }
    }

    fn pack(self) -> u64 {
        let state = match self.state {
            State::Healthy => 0,
            State::MostlyHealthy => 1,
            State::MostlyUnhealthy => 2,
            State::Unhealthy => 3,
        };
        let Self { successes, http, tcp, timeouts, run, .. } = self;
        let Run { errors, gateway_errors, ejected } = run;
        let ejected = u8::from(ejected);
        u64::from_le_bytes([successes, http, tcp, timeouts, state, errors, gateway_errors, ejected])
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

    /// What an outcome makes of the failures in a row; `None` if it changes nothing.
    fn after_run(mut self, blame: Blame) -> Option<Self> {
        if self.run.ejected {
            // What was on its way.
            return None;
        }
        let before = self.run;
        let more = |count: u8| count.saturating_add(1);
        let (errors, gateway_errors) = match blame {
            Blame::None => (0, 0),
            Blame::Server => (more(before.errors), 0),
            Blame::Gateway => (more(before.errors), more(before.gateway_errors)),
        };
        self.run = Run { errors, gateway_errors, ejected: false };
        (self.run != before).then_some(self)
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
        let counters = Counters { state, successes: 0, http: 0, tcp: 0, timeouts: 0, run: Run::default() };
        self.0.store(counters.pack(), Ordering::Release);
    }

    /// Counts an outcome for ejection; whether there are too many failures in a row now.
    pub(super) fn count_run(&self, rules: &Outliers, outcome: Outcome) -> bool {
        let blame = Blame::of(outcome);
        let step = |word| Counters::unpack(word).after_run(blame).map(Counters::pack);
        let word = match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step) {
            Ok(before) => step(before).unwrap_or(before),
            // A good answer where there is nothing to take back, or more failures than can be counted.
            Err(same) => same,
        };
        let run = Counters::unpack(word).run;
        !run.ejected && blame != Blame::None && rules.are_reached(run.errors, run.gateway_errors)
    }

    /// Ejects the address, or brings it back. In either case the failures in a row begin anew.
    pub(super) fn eject(&self, ejected: bool) {
        let step = |word| {
            let run = Run { ejected, ..Run::default() };
            Some(Counters { run, ..Counters::unpack(word) }.pack())
        };
        _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
    }

    /// By health checks and by hand.
    pub(super) fn is_healthy(&self) -> bool {
        self.load().state.is_healthy()
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.load().run.ejected
    }

    /// Healthy and not ejected.
    pub(super) fn is_available(&self) -> bool {
        let counters = self.load();
        counters.state.is_healthy() && !counters.run.ejected
    }

    fn load(&self) -> Counters {
        Counters::unpack(self.0.load(Ordering::Acquire))
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
