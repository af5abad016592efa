//! Which exchanges a candidate version gets.
//!
//! The choice is a hash and nothing that is kept, so every node makes the same one for a consumer,
//! and a larger share takes in all whom the smaller one had.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::exchange::Exchange;
use crate::model::{Canary as Rule, CanaryBy};
use crate::plugin_host::Assignment;

/// A candidate version of an assignment, and the share of exchanges that it gets.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The assignment with the candidate in place of the active version.
    pub candidate: Arc<Assignment>,
    /// How large the share is, and of what.
    pub share: Share,
}

/// A share of the exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    plugin: Uuid,
    percent: u8,
    by: CanaryBy,
}

impl Share {
    /// The share that `rule` gives the candidate of `plugin`.
    pub fn new(plugin: Uuid, rule: &Rule) -> Self {
        Self { plugin, percent: rule.percent, by: rule.by }
    }

    /// Whether the candidate gets this exchange. By consumer, callers without one are not in it.
    pub(super) fn takes(&self, exchange: &Exchange) -> bool {
        match self.by {
            CanaryBy::Random => self.holds(exchange.id.as_str().as_bytes()),
            CanaryBy::Consumer => {
                let consumer = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
                consumer.is_some_and(|consumer| self.holds(consumer.id.as_bytes()))
            }
        }
    }

    /// The plugin is part of the key: else the same callers would be first for every plugin.
    fn holds(&self, key: &[u8]) -> bool {
        let hash = Sha256::new().chain_update(self.plugin.as_bytes()).chain_update(key).finalize();
        let place = hash.iter().take(4).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        (place * 100) >> 32 < u64::from(self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(percent: u8) -> Share {
        Share { plugin: Uuid::from_u128(7), percent, by: CanaryBy::Random }
    }

    #[test]
    fn a_share_is_as_large_as_it_says_and_grows_around_the_smaller_one() {
        let keys: Vec<[u8; 8]> = (0..20_000_u64).map(u64::to_le_bytes).collect();
        let held = |percent| keys.iter().filter(|key| share(percent).holds(*key)).count();
        assert_eq!((held(0), held(100)), (0, keys.len()), "nobody and everybody");
        for percent in [1, 10, 50] {
            let want = keys.len() * usize::from(percent) / 100;
            assert!(held(percent).abs_diff(want) < want / 4 + 20, "{percent}: {}", held(percent));
        }
        assert!(keys.iter().filter(|key| share(10).holds(*key)).all(|key| share(20).holds(key)), "it grows");
    }

    #[test]
    fn plugins_do_not_share_their_first_callers() {
        let other = Share { plugin: Uuid::from_u128(8), ..share(10) };
        let both =
            (0..20_000_u64).map(u64::to_le_bytes).filter(|key| share(10).holds(key) && other.holds(key));
        let both = both.count();
        assert!((100..300).contains(&both), "a hundredth of 20000, as of independent ones: {both}");
    }
}
