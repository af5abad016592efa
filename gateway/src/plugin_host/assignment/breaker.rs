//! Leaves a plugin in peace that fails most of its calls.
//!
//! While a breaker is open the failure policy applies at once and the guest is not called; after a rest,
//! single calls try whether it works again. Each worker has a breaker of its own for an assignment, so
//! that nothing is shared on the way of a call; what all of them together do is in [`Conduct`].

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{AssignError, Cause, Conduct};
use crate::plugin_host::CallFailure;

/// Failures are put in relation to the calls of this time.
const WINDOW: Duration = Duration::from_secs(10);
/// Rests double up to this.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Trials in a row that must go well before it closes.
const TRIALS: u32 = 3;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BreakerRules {
    /// Traps and timeouts of one worker within ten seconds; 0 never opens.
    failures: u32,
    /// Their share of all calls, in percent.
    percent: u32,
    /// The first rest.
    rest: Duration,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self { failures: 10, percent: 50, rest: Duration::from_secs(1) }
    }
}

impl BreakerRules {
    /// Reads `breaker` of a `sandbox` over what stands so far.
    ///
    /// # Errors
    ///
    /// [`AssignError::Sandbox`] with the field that is wrong.
    pub(crate) fn overlay(mut self, breaker: &Value) -> Result<Self, AssignError> {
        let wrong = |name: &str, reason: &str| AssignError::Sandbox {
            field: format!("breaker.{name}"),
            reason: reason.to_owned(),
        };
        let Some(fields) = breaker.as_object() else { return Ok(self) };
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or_else(|| wrong(name, "expected a whole number"))?;
            match name.as_str() {
                "failures" => self.failures = number,
                "percent" => self.percent = number.clamp(1, 100),
                "rest_ms" => self.rest = Duration::from_millis(number.max(1).into()).min(LONGEST_REST),
                _ => return Err(wrong(name, "there is no such rule")),
            }
        }
        Ok(self)
    }
}

/// The breaker of one assignment on one worker.
#[derive(Debug, Default)]
pub(crate) struct Breaker(State);

#[derive(Debug)]
enum State {
    Closed {
        since: Option<Instant>,
        calls: u32,
        failures: u32,
    },
    Open {
        until: Instant,
        rest: Duration,
        cause: Cause,
    },
    /// A trial whose end is never told counts as failed at `until`.
    Trying {
        until: Option<Instant>,
        good: u32,
        rest: Duration,
        cause: Cause,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { since: None, calls: 0, failures: 0 }
    }
}

impl Breaker {
    /// Whether a call may begin at `now`; it ends within `wall`.
    ///
    /// # Errors
    ///
    /// [`CallFailure::Resting`] while the breaker is open, or while another call tries.
    pub(crate) fn admit(&mut self, now: Instant, wall: Duration) -> Result<(), CallFailure> {
        let (good, rest, cause) = match self.0 {
            State::Closed { .. } => return Ok(()),
            State::Open { until, cause, .. } if now < until => return Err(resting(cause, until - now)),
            State::Open { rest, cause, .. } => (0, rest, cause),
            State::Trying { until: Some(until), cause, .. } if now < until => {
                return Err(resting(cause, until - now));
            }
            State::Trying { good, rest, cause, .. } => (good, rest, cause),
        };
        self.0 = State::Trying { until: Some(now + wall), good, rest, cause };
        Ok(())
    }

    /// Counts a call that ended, at `now` or a little later. `failed` is set for traps and timeouts.
    #[inline]
    pub(crate) fn record(
        &mut self,
        (now, failed): (Instant, Option<Cause>),
        rules: &BreakerRules,
        conduct: &Conduct,
    ) {
        match (&mut self.0, failed) {
            (State::Closed { calls, .. }, None) => *calls = calls.saturating_add(1),
            (_, _) => self.change((now, failed), rules, conduct),
        }
    }

    #[cold]
    fn change(&mut self, (now, failed): (Instant, Option<Cause>), rules: &BreakerRules, conduct: &Conduct) {
        let next = match (&mut self.0, failed) {
            (State::Closed { since, calls, failures }, Some(cause)) => {
                if since.is_none_or(|since| now.saturating_duration_since(since) > WINDOW) {
                    // Without a failure nobody looks at the clock: the calls since the last one are those
                    // of a longer time, and would hide a plugin that has just broken.
                    (*since, *calls, *failures) = (Some(now), 0, 0);
                }
                *calls = calls.saturating_add(1);
                *failures += 1;
                let share = u64::from(*failures) * 100 >= u64::from(*calls) * u64::from(rules.percent);
                if rules.failures == 0 || *failures < rules.failures || !share {
                    return;
                }
                conduct.opened();
                State::Open { until: now + rules.rest, rest: rules.rest, cause }
            }
            (State::Trying { rest, .. }, Some(cause)) => {
                let rest = (*rest * 2).min(LONGEST_REST);
                State::Open { until: now + rest, rest, cause }
            }
            (State::Trying { good, rest, cause, .. }, None) if *good + 1 < TRIALS => {
                State::Trying { until: None, good: *good + 1, rest: *rest, cause: *cause }
            }
            (State::Trying { .. }, None) => {
                conduct.closed();
                State::default()
            }
            // A call that began before the breaker opened.
            (State::Open { .. } | State::Closed { .. }, _) => return,
        };
        self.0 = next;
    }
}

fn resting(cause: Cause, rest: Duration) -> CallFailure {
    CallFailure::Resting { cause, rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_secs(5);

    #[test]
    fn it_opens_by_rate_tries_and_closes() {
        let (mut breaker, conduct) = (Breaker::default(), Conduct::default());
        let rules = BreakerRules { failures: 4, percent: 50, rest: Duration::from_secs(1) };
        let mut now = Instant::now();
        let trap = Some(Cause::Trap);
        for call in 0..4 {
            assert!(breaker.admit(now, WALL).is_ok(), "call {call}");
            breaker.record((now, trap), &rules, &conduct);
        }
        let refused = breaker.admit(now, WALL);
        assert!(matches!(refused, Err(CallFailure::Resting { cause: Cause::Trap, .. })), "{refused:?}");
        assert_eq!(conduct.open_breakers(), 1);
        now += Duration::from_secs(1);
        assert!(breaker.admit(now, WALL).is_ok(), "a trial");
        assert!(breaker.admit(now, WALL).is_err(), "one at a time");
        breaker.record((now, trap), &rules, &conduct);
        now += Duration::from_secs(1);
        assert!(breaker.admit(now, WALL).is_err(), "the second rest is twice as long");
        now += Duration::from_secs(1);
        for trial in 0..TRIALS {
            assert!(breaker.admit(now, WALL).is_ok(), "trial {trial}");
            breaker.record((now, None), &rules, &conduct);
        }
        assert_eq!(conduct.open_breakers(), 0, "closed again");
        assert!(breaker.admit(now, WALL).is_ok() && breaker.admit(now, WALL).is_ok(), "no more trials");
    }

    #[test]
    fn few_failures_among_many_calls_are_borne() {
        let (mut breaker, conduct) = (Breaker::default(), Conduct::default());
        let rules = BreakerRules::default();
        let now = Instant::now();
        for call in 0..1000 {
            let failed = (call % 3 == 0).then_some(Cause::Timeout);
            breaker.record((now, failed), &rules, &conduct);
            assert!(breaker.admit(now, WALL).is_ok(), "call {call}: a third is less than a half");
        }
        let off = BreakerRules { failures: 0, ..rules };
        (0..1000).for_each(|_| breaker.record((now, Some(Cause::Trap)), &off, &conduct));
        assert!(breaker.admit(now, WALL).is_ok(), "0 turns it off");
    }

    #[test]
    fn a_trial_that_never_ends_makes_way_for_another() {
        let (mut breaker, conduct) = (Breaker::default(), Conduct::default());
        let now = Instant::now();
        (0..10).for_each(|_| breaker.record((now, Some(Cause::Trap)), &BreakerRules::default(), &conduct));
        let trial = now + Duration::from_secs(2);
        assert!(breaker.admit(trial, WALL).is_ok());
        assert!(breaker.admit(trial + WALL / 2, WALL).is_err(), "it may still end");
        assert!(breaker.admit(trial + WALL, WALL).is_ok(), "it was lost with its client");
    }
}
