//! Request ids: unique, not secret, and made without asking the system for randomness.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::exchange::RequestId;

/// Two SplitMix64 sequences with random starts (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014). 128 bits make a clash between workers or nodes practically impossible.
#[derive(Debug)]
pub(super) struct Ids {
    high: Cell<u64>,
    low: Cell<u64>,
}

impl Ids {
    pub(super) fn new() -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self { high: Cell::new(random()), low: Cell::new(random()) }
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId::from_bits(u128::from(step(&self.high)) << 64 | u128::from(step(&self.low)))
    }
}

fn step(state: &Cell<u64>) -> u64 {
    let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    state.set(next);
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_between_requests_and_between_workers() {
        let (one, two) = (Ids::new(), Ids::new());
        let mut seen: Vec<_> =
            (0..1000).flat_map(|_| [one.next(), two.next()]).map(|id| id.as_str().to_owned()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 2000);
    }
}
