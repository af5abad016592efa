//! `local-counters`: counters of this node, shared by its workers.
//!
//! Sixty-four shards, so that two requests rarely meet; each shard is bounded and forgets what has
//! expired. Keys are apart for each plugin, not for each assignment: the plugin says in the key
//! what belongs together.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use wasmtime::Result;

use super::windows::{Counter, Taken, bucket, counted, fixed, sliding};
use crate::plugin_host::bindings::weir::plugin::local_counters::{Host, Take, Window};
use crate::plugin_host::guest::CallState;

const SHARDS: usize = 64;
/// Counters of one shard; with all shards half a million.
const PER_SHARD: usize = 8192;
/// Windows of one `take-windows`.
const MAX_WINDOWS: usize = 32;

struct Entry {
    counter: Counter,
    /// Unix milliseconds after which it says nothing any more.
    until: u64,
}

type Shard = HashMap<Box<str>, Entry, RandomState>;

/// All counters of this node.
pub(crate) struct LocalCounters {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Default for LocalCounters {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl LocalCounters {
    fn index(&self, key: &str) -> usize {
        usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default() % SHARDS
    }

    fn shard(&self, index: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards
            .get(index)
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn update(
        &self,
        key: &str,
        (now, until): (u64, u64),
        step: impl FnOnce(Option<Counter>) -> (Counter, Taken),
    ) -> Taken {
        let Some(mut shard) = self.shard(self.index(key)) else {
            return step(None).1;
        };
        if let Some(entry) = shard.get_mut(key) {
            let (counter, taken) = step(Some(entry.counter));
            *entry = Entry { counter, until };
            return taken;
        }
        let (counter, taken) = step(None);
        insert(&mut shard, key, Entry { counter, until }, now);
        taken
    }

    fn take_windows(&self, keys: &[(String, Window)], cost: u64, now: u64) -> Vec<Taken> {
        let mut needed: Vec<_> = keys.iter().map(|(key, _)| self.index(key)).collect();
        needed.sort_unstable();
        needed.dedup();
        // Always in ascending order, so that two callers cannot wait for each other.
        let mut held: Vec<_> = needed
            .iter()
            .filter_map(|index| Some((*index, self.shard(*index)?)))
            .collect();
        let counts: Vec<u64> = keys
            .iter()
            .map(|(key, window)| {
                let index = self.index(key);
                let shard = held.iter().find(|(at, _)| *at == index);
                let old = shard
                    .and_then(|(_, shard)| shard.get(key.as_str()))
                    .map(|entry| entry.counter);
                counted(old, window.from_unix_ms, window.until_unix_ms)
            })
            .collect();
        let fits =
            |((_, window), count): (&(String, Window), &u64)| count.saturating_add(cost) <= window.limit;
        let all = keys.iter().zip(&counts).all(fits);
        let mut answers = Vec::with_capacity(keys.len());
        for ((key, window), count) in keys.iter().zip(counts) {
            let allowed = count.saturating_add(cost) <= window.limit;
            let count = if all { count + cost } else { count };
            let (from, until) = (window.from_unix_ms, window.until_unix_ms);
            let index = self.index(key);
            if all && let Some((_, shard)) = held.iter_mut().find(|(at, _)| *at == index) {
                insert(
                    shard,
                    key,
                    Entry {
                        counter: Counter::Window { from, until, count },
                        until,
                    },
                    now,
                );
            }
            answers.push(Taken {
                allowed,
                remaining: window.limit.saturating_sub(count),
                reset_ms: until.saturating_sub(now),
            });
        }
        answers
    }
}

/// Puts a counter in. A full shard first forgets what has expired, and then the first it meets:
/// losing a counter is better than growing without bound.
fn insert(shard: &mut Shard, key: &str, entry: Entry, now: u64) {
    if let Some(old) = shard.get_mut(key) {
        *old = entry;
        return;
    }
    if shard.len() >= PER_SHARD {
        shard.retain(|_, old| old.until > now);
        if shard.len() >= PER_SHARD
            && let Some(victim) = shard.keys().next().cloned()
        {
            shard.remove(&victim);
        }
    }
    shard.insert(key.into(), entry);
}

impl CallState {
    fn counter_key(&mut self, key: &str) -> Result<String> {
        self.charge()?;
        if !self.core.grants.local_counters {
            return Err(wasmtime::Error::msg("`local-counters` is not granted"));
        }
        if key.len() > 1024 {
            return Err(wasmtime::Error::msg("the key of a counter may have 1024 bytes"));
        }
        let name = &self.core.plugin.info.name;
        let mut full = String::with_capacity(name.len() + 1 + key.len());
        full.push_str(name);
        full.push('\0');
        full.push_str(key);
        Ok(full)
    }

    fn counters(&self) -> &LocalCounters {
        &self.core.services.counters
    }
}

impl Host for CallState {
    fn token_bucket(
        &mut self,
        key: String,
        capacity: u64,
        refill_per_second: f64,
        cost: u64,
    ) -> Result<Take> {
        let (key, now) = (self.counter_key(&key)?, crate::plugin_host::unix_ms());
        let ask = (capacity, refill_per_second, cost);
        let until = now.saturating_add(bucket_life_ms(capacity, refill_per_second));
        Ok(answer(
            self.counters()
                .update(&key, (now, until), |old| bucket(old, ask, now)),
        ))
    }

    fn fixed_window(&mut self, key: String, limit: u64, window_ms: u64, cost: u64) -> Result<Take> {
        let (key, now) = (self.counter_key(&key)?, crate::plugin_host::unix_ms());
        let ask = (limit, window_ms, cost);
        let until = now.saturating_add(window_ms);
        Ok(answer(
            self.counters()
                .update(&key, (now, until), |old| fixed(old, ask, now)),
        ))
    }

    fn sliding_window(&mut self, key: String, limit: u64, window_ms: u64, cost: u64) -> Result<Take> {
        let (key, now) = (self.counter_key(&key)?, crate::plugin_host::unix_ms());
        let ask = (limit, window_ms, cost);
        let until = now.saturating_add(window_ms.saturating_mul(2));
        Ok(answer(
            self.counters()
                .update(&key, (now, until), |old| sliding(old, ask, now)),
        ))
    }

    fn take_windows(&mut self, windows: Vec<Window>, cost: u64) -> Result<Vec<Take>> {
        if windows.len() > MAX_WINDOWS {
            return Err(wasmtime::Error::msg("`take-windows` takes 32 windows at most"));
        }
        let mut keys = Vec::with_capacity(windows.len());
        for window in windows {
            keys.push((self.counter_key(&window.key)?, window));
        }
        let taken = self
            .counters()
            .take_windows(&keys, cost, crate::plugin_host::unix_ms());
        Ok(taken.into_iter().map(answer).collect())
    }
}

/// Time after which a bucket is full again, and may be forgotten; a day if it never fills.
fn bucket_life_ms(capacity: u64, refill: f64) -> u64 {
    let day = Duration::from_secs(86_400);
    let seconds = u32::try_from(capacity).map_or(f64::INFINITY, |capacity| f64::from(capacity) / refill);
    let life = Duration::try_from_secs_f64(seconds).unwrap_or(day).min(day);
    u64::try_from(life.as_millis()).unwrap_or_default()
}

fn answer(taken: Taken) -> Take {
    let Taken {
        allowed,
        remaining,
        reset_ms,
    } = taken;
    Take {
        allowed,
        remaining,
        reset_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_count_in_all_or_none() {
        let counters = LocalCounters::default();
        let window = |key: &str, limit| {
            let window = Window {
                key: key.into(),
                limit,
                from_unix_ms: 0,
                until_unix_ms: 1000,
            };
            (key.to_owned(), window)
        };
        let keys = [window("second", 1), window("minute", 5)];
        let first = counters.take_windows(&keys, 1, 500);
        assert!(first.iter().all(|taken| taken.allowed), "both have room");
        let second = counters.take_windows(&keys, 1, 500);
        assert_eq!(
            second.iter().map(|taken| taken.allowed).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(second[1].remaining, 4, "the minute was not charged");
    }

    #[test]
    fn a_shard_is_bounded() {
        let mut shard = Shard::default();
        for n in 0..PER_SHARD + 10 {
            let entry = Entry {
                counter: Counter::Window {
                    from: 0,
                    until: 1,
                    count: 1,
                },
                until: 1,
            };
            insert(&mut shard, &n.to_string(), entry, 0);
        }
        assert!(shard.len() <= PER_SHARD);
    }
}
