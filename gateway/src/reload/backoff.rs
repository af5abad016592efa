//! Pauses after failures: growing, and jittered so that nodes do not come back all at once.

use std::time::Duration;

use uuid::Uuid;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The pause before the next try.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// One more failure: how long to wait, between half and the whole of a doubling pause.
    pub(super) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let jitter = (Uuid::new_v4().as_u128() & 0xffff) as u32;
        whole / 2 + (whole / 2) * jitter / 0x1_0000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        for failure in 0..40 {
            let whole = FIRST.saturating_mul(1 << failure.min(16)).min(LONGEST);
            let pause = backoff.next();
            assert!(pause >= whole / 2 && pause <= whole, "failure {failure}: {pause:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
