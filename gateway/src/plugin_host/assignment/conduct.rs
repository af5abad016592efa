//! How an assignment has behaved on this node, on all workers together.
//!
//! Read on the way of each call and written only when something goes wrong, so that workers do not
//! fight over it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Overruns of the guest time after which calls leave the worker threads.
const OVERRUNS: u32 = 3;
/// Calls within their time, one after the other, that bring an assignment back to the workers.
const GOOD_CALLS: u32 = 100;

/// How an assignment has behaved.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    overruns: AtomicU32,
    /// Calls within their time since the last that was not; counted in the slow lane only.
    good: AtomicU32,
    /// Workers whose breaker is not closed.
    open: AtomicU32,
    /// Times that a breaker opened.
    opened: AtomicU64,
}

impl Conduct {
    /// Whether calls run in the slow lane.
    pub(crate) fn is_away(&self) -> bool {
        self.overruns.load(Ordering::Relaxed) >= OVERRUNS
    }

    /// A call used up its guest time.
    pub(crate) fn overran(&self) {
        self.good.store(0, Ordering::Relaxed);
        let now = self.overruns.load(Ordering::Relaxed);
        self.overruns.store(now.saturating_add(1).min(OVERRUNS), Ordering::Relaxed);
    }

    /// A call in the slow lane stayed within its time.
    pub(crate) fn behaved(&self) {
        if self.good.fetch_add(1, Ordering::Relaxed) + 1 >= GOOD_CALLS {
            self.good.store(0, Ordering::Relaxed);
            self.overruns.store(0, Ordering::Relaxed);
        }
    }

    /// Whether a breaker of some worker is not closed.
    pub(crate) fn is_resting(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Workers whose breaker is not closed.
    pub(crate) fn open_breakers(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// Times that a breaker opened, since the assignment was made.
    pub(crate) fn times_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_overruns_move_it_away_and_good_calls_bring_it_back() {
        let conduct = Conduct::default();
        (1..OVERRUNS).for_each(|_| conduct.overran());
        assert!(!conduct.is_away(), "it may happen");
        conduct.overran();
        assert!(conduct.is_away());
        (1..GOOD_CALLS).for_each(|_| conduct.behaved());
        conduct.overran();
        (1..GOOD_CALLS).for_each(|_| conduct.behaved());
        assert!(conduct.is_away(), "one overrun makes it begin anew");
        conduct.behaved();
        assert!(!conduct.is_away(), "back");
    }
}
