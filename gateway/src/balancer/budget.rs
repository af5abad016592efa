//! A budget for second attempts: repeating must help, and where it does not it must not make things worse.
//!
//! An upstream that fails every request would see each of them as often as `retries` allows. A budget bounds
//! that to a share of the traffic. It is spent by requests that fail in spite of being repeated: what an attempt
//! took is given back once there is an answer, so that one target of many that breaks costs no request.
//!
//! What is earned is forgotten in some ten seconds, so that a long quiet time pays for no storm. A floor lets
//! little traffic repeat as it likes.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::RetryBudget;

/// After this time a third of what was earned is left.
const MEMORY: Duration = Duration::from_secs(10);

/// What is left for second attempts. Of one worker and one route: nothing about it is shared.
#[derive(Debug)]
pub struct Budget {
    rules: RetryBudget,
    /// By requests.
    earned: f64,
    /// By time.
    reserve: f64,
    /// Requests that have been earned from.
    counted: u64,
    at: Instant,
}

impl Budget {
    /// A full one; `requests` is how many there were until now.
    pub fn new(rules: RetryBudget, requests: u64, now: Instant) -> Self {
        Self { rules, earned: 0.0, reserve: most(rules), counted: requests, at: now }
    }

    /// Takes one attempt; false if there is none left. `requests` is how many there were until now.
    pub fn take(&mut self, requests: u64, now: Instant) -> bool {
        self.catch_up(requests, now);
        let from = if self.earned >= 1.0 { &mut self.earned } else { &mut self.reserve };
        let has = *from >= 1.0;
        if has {
            *from -= 1.0;
        }
        has
    }

    /// Gives so many attempts back, since there was an answer in the end.
    pub fn give_back(&mut self, attempts: u32) {
        self.earned += f64::from(attempts);
    }

    #[expect(clippy::cast_precision_loss, reason = "requests within seconds: the size matters")]
    fn catch_up(&mut self, requests: u64, now: Instant) {
        // Another series of counts begins at zero.
        let new = requests.checked_sub(self.counted).unwrap_or(requests) as f64;
        let (passed, memory) = (now.saturating_duration_since(self.at).as_secs_f64(), MEMORY.as_secs_f64());
        // Of a long time only the newest part is remembered.
        let recent = if passed > memory { new * memory / passed } else { new };
        self.earned = self.earned * (-passed / memory).exp() + recent * f64::from(self.rules.percent) / 100.0;
        self.reserve = (self.reserve + f64::from(self.rules.floor) * passed).min(most(self.rules));
        (self.counted, self.at) = (requests, now);
    }
}

/// What time alone brings together.
fn most(rules: RetryBudget) -> f64 {
    f64::from(rules.floor) * MEMORY.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: RetryBudget = RetryBudget { percent: 20, floor: 10 };

    /// Sends requests for so many seconds of simulated time, 1000 a second, of which some fail at each of at most
    /// six attempts; the attempts, and the requests that failed in the end.
    fn simulate(seconds: u32, fails: impl Fn(u32, u32) -> bool) -> (u32, u32) {
        let began = Instant::now();
        let mut budget = Budget::new(RULES, 0, began);
        let (mut attempts, mut lost) = (0, 0);
        for number in 0..seconds * 1000 {
            let now = began + Duration::from_millis(number.into());
            let mut taken = 0;
            attempts += 1;
            while fails(number, taken) && taken < 5 && budget.take(number.into(), now) {
                taken += 1;
                attempts += 1;
            }
            if fails(number, taken) {
                lost += 1;
            } else {
                budget.give_back(taken);
            }
        }
        (attempts, lost)
    }

    #[test]
    fn what_fails_altogether_is_repeated_for_a_fifth_of_the_traffic_at_most() {
        let (attempts, lost) = simulate(60, |_, _| true);
        assert_eq!(lost, 60_000);
        let most = 60_000 + 60_000 / 5 + 60 * 10 + 100;
        assert!((70_000..=most).contains(&attempts), "{attempts} attempts, at most {most}");
    }

    #[test]
    fn one_target_of_three_that_breaks_costs_no_request() {
        let (attempts, lost) = simulate(60, |number, attempt| (number + attempt) % 3 == 0);
        assert_eq!((attempts, lost), (80_000, 0));
        let (_, lost) = simulate(60, |number, attempt| (number + attempt) % 3 != 0);
        assert_eq!(lost, 0, "nor do two of three");
    }

    #[test]
    fn little_traffic_may_repeat_as_it_likes_and_a_quiet_time_pays_for_no_storm() {
        let began = Instant::now();
        let mut budget = Budget::new(RULES, 0, began);
        let all =
            |budget: &mut Budget, requests, now| (0..100_000).filter(|_| budget.take(requests, now)).count();
        assert_eq!(all(&mut budget, 0, began), 100, "the floor of ten seconds");
        assert_eq!(all(&mut budget, 0, began + Duration::from_secs(1)), 10, "and of one more");
        let later = began + Duration::from_secs(3601);
        let quiet = all(&mut budget, 3_600_000, later);
        assert_eq!(quiet, 2_000 + 100, "an hour of 1000 a second counts as ten seconds of it");
        assert_eq!(all(&mut budget, 5, later + Duration::from_secs(1)), 11, "counts that begin anew");
    }
}
