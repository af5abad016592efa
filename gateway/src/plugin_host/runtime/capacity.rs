//! How many instances may be alive at once, and how many of one plugin.
//!
//! The pool of the engine never decides: a call that finds no permit is a matter of the failure
//! policy, and one plugin cannot take the room of all others. Warm calls do not come here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Room for instances.
#[derive(Debug)]
pub(crate) struct Capacity {
    alive: AtomicU32,
    limit: u32,
}

/// Room for one instance; given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    all: Arc<Capacity>,
    share: Arc<AtomicU32>,
    /// Of one assignment.
    own: Option<Arc<AtomicU32>>,
}

impl Capacity {
    pub(crate) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { alive: AtomicU32::new(0), limit })
    }

    /// Instances alive now.
    pub(crate) fn alive(&self) -> u32 {
        self.alive.load(Ordering::Relaxed)
    }

    /// Instances that there is room for.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Room for one more instance of the assignment that counts its own in `own`, up to `limit`, and
    /// those of its plugin in `share`; a plugin gets three quarters of the room at most.
    pub(crate) fn acquire_within(
        self: &Arc<Self>,
        share: &Arc<AtomicU32>,
        own: &Arc<AtomicU32>,
        limit: u32,
    ) -> Option<Permit> {
        if !take(own, limit) {
            return None;
        }
        let room = self.acquire(share).map(|mut permit| {
            permit.own = Some(Arc::clone(own));
            permit
        });
        if room.is_none() {
            own.fetch_sub(1, Ordering::Relaxed);
        }
        room
    }

    /// The same for an instance of no assignment.
    pub(crate) fn acquire(self: &Arc<Self>, share: &Arc<AtomicU32>) -> Option<Permit> {
        if !take(share, self.limit / 4 * 3) {
            return None;
        }
        if !take(&self.alive, self.limit) {
            share.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Permit { all: Arc::clone(self), share: Arc::clone(share), own: None })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.all.alive.fetch_sub(1, Ordering::Relaxed);
        self.share.fetch_sub(1, Ordering::Relaxed);
        if let Some(own) = &self.own {
            own.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn take(count: &AtomicU32, limit: u32) -> bool {
    let step = |now: u32| (now < limit).then_some(now + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plugin_leaves_room_for_others() {
        let capacity = Capacity::new(8);
        let (greedy, other) = (Arc::default(), Arc::default());
        let taken: Vec<_> = std::iter::from_fn(|| capacity.acquire(&greedy)).collect();
        assert_eq!(taken.len(), 6, "three quarters for one");
        assert!(capacity.acquire(&other).is_some(), "room for another");
        drop(taken);
        assert_eq!(capacity.alive(), 0, "given back");
        let own = Arc::default();
        let few: Vec<_> = std::iter::from_fn(|| capacity.acquire_within(&greedy, &own, 2)).collect();
        assert_eq!((few.len(), capacity.alive()), (2, 2), "an assignment has a limit of its own");
        drop(few);
        assert_eq!((own.load(Ordering::Relaxed), greedy.load(Ordering::Relaxed)), (0, 0), "given back");
    }
}
