//! How an entry learns that it is out of date, without anybody looking for it.
//!
//! Removing an entry from the cache is not enough: a look-up may be on its way that read the row
//! before it changed and stores it after the removal, and copies are in the memory of other threads.
//! So an entry carries the state of two counters, one for its key and one for its consumer, from
//! before it was read, and holds only while both stand there. Counters are shared by hash: a change
//! puts a few others in doubt as well, and each of those costs one look-up.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

/// Four bytes each: all fit into the second-level cache of a core.
const SLOTS: usize = 16_384;

/// The counters.
#[derive(Debug)]
pub(super) struct Generations {
    slots: Box<[AtomicU32]>,
    /// Counts the times when anything may have changed.
    all: AtomicU32,
}

/// Where the counters stood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    all: u32,
    key: Mark,
    consumer: Option<Mark>,
    /// Made without asking the store: never holds.
    hearsay: bool,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    slot: u32,
    count: u32,
}

impl Generations {
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(AtomicU32::default).take(SLOTS).collect();
        Self { slots, all: AtomicU32::new(0) }
    }

    /// To be taken before the row is read.
    pub(super) fn stamp(&self, key_hash: u64) -> Stamp {
        let all = self.all.load(Ordering::Acquire);
        Stamp { all, key: self.mark(key_hash), consumer: None, hearsay: false }
    }

    /// To be taken before the consumer is read.
    pub(super) fn stamp_consumer(&self, stamp: &mut Stamp, consumer: Uuid) {
        stamp.consumer = Some(self.mark(spread(consumer)));
    }

    /// For what was not read from the store.
    pub(super) fn hearsay(&self) -> Stamp {
        Stamp { hearsay: true, ..self.stamp(0) }
    }

    /// Whether nothing changed since.
    pub(super) fn holds(&self, stamp: &Stamp) -> bool {
        !stamp.hearsay
            && stamp.all == self.all.load(Ordering::Acquire)
            && self.stands(stamp.key)
            && stamp.consumer.is_none_or(|consumer| self.stands(consumer))
    }

    pub(super) fn key_changed(&self, key_hash: u64) {
        self.bump(key_hash);
    }

    pub(super) fn consumer_changed(&self, consumer: Uuid) {
        self.bump(spread(consumer));
    }

    pub(super) fn anything_changed(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    fn bump(&self, hash: u64) {
        if let Some(slot) = self.slots.get(index(hash)) {
            slot.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn mark(&self, hash: u64) -> Mark {
        let slot = index(hash);
        let count = self.slots.get(slot).map_or(0, |slot| slot.load(Ordering::Acquire));
        Mark { slot: slot as u32, count }
    }

    fn stands(&self, mark: Mark) -> bool {
        self.slots.get(mark.slot as usize).is_some_and(|slot| slot.load(Ordering::Acquire) == mark.count)
    }
}

fn index(hash: u64) -> usize {
    // The upper bits; the near cache uses the lower ones.
    (hash >> 32) as usize % SLOTS
}

/// Ids are mostly random, but an operator may choose them.
fn spread(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    (high ^ low.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
