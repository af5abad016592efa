//! `local-cache`: values of this node that end. Readers take no lock, and nobody waits.
//!
//! A plugin has a cache of its own, which its assignments share; a grant with a namespace names another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;
use wasmtime::Result;

use crate::plugin_host::assignment::CacheGrant;
use crate::plugin_host::bindings::weir::plugin::local_cache::Host;
use crate::plugin_host::guest::CallState;

/// Longest key, in bytes.
const MAX_KEY: usize = 1024;
/// Largest value, in bytes, and as a share of its cache.
const MAX_VALUE: usize = 1 << 20;
const LARGEST_SHARE: u64 = 8;
/// Longest life.
const MAX_TTL: Duration = Duration::from_secs(30 * 86_400);
/// Bytes that the cache itself keeps for each entry, roughly.
const OVERHEAD: usize = 128;

#[derive(Clone)]
struct Entry {
    value: Arc<[u8]>,
    ttl: Duration,
}

/// Each entry says how long it lives.
struct OwnTtl;

impl Expiry<Box<str>, Entry> for OwnTtl {
    fn expire_after_create(&self, _: &Box<str>, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Box<str>,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

/// One cache.
pub(crate) struct LocalCache {
    entries: Cache<Box<str>, Entry>,
    max_value: usize,
}

impl LocalCache {
    fn new(max_bytes: u64, max_entries: u64) -> Self {
        // An entry counts for its share of the entries at least: one number bounds both.
        let least = u32::try_from(max_bytes / max_entries).unwrap_or(u32::MAX).max(1);
        let weigh = move |key: &Box<str>, entry: &Entry| {
            let bytes = key.len() + entry.value.len() + OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX).max(least)
        };
        let entries = Cache::builder().max_capacity(max_bytes).weigher(weigh).expire_after(OwnTtl).build();
        let max_value = usize::try_from(max_bytes / LARGEST_SHARE).unwrap_or(usize::MAX).min(MAX_VALUE);
        Self { entries, max_value }
    }

    fn put(&self, key: String, value: Vec<u8>, ttl_ms: u64) -> std::result::Result<(), String> {
        if key.len() > MAX_KEY {
            return Err(format!("a key may have {MAX_KEY} bytes"));
        }
        if value.len() > self.max_value {
            return Err(format!("a value may have {} bytes", self.max_value));
        }
        if ttl_ms == 0 {
            return Err("a value lives for a millisecond at least".to_owned());
        }
        let ttl = Duration::from_millis(ttl_ms).min(MAX_TTL);
        self.entries.insert(key.into(), Entry { value: value.into(), ttl });
        Ok(())
    }
}

/// Whose cache, and its bounds: another bound is another cache, since a cache does not change its size.
type Name = (String, u64, u64);

/// The caches of this node that somebody holds.
#[derive(Default)]
pub(crate) struct LocalCaches(Mutex<HashMap<Name, Weak<LocalCache>>>);

impl LocalCaches {
    /// The cache of a grant to `plugin`. For the making of an assignment.
    pub(crate) fn open(&self, grant: &CacheGrant, plugin: &str) -> Arc<LocalCache> {
        let CacheGrant { namespace, max_bytes, max_entries } = grant;
        // A plugin cannot call itself like a namespace: the two begin differently.
        let whose = match namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => format!("plugin {plugin}"),
        };
        let mut caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caches.retain(|_, cache| cache.strong_count() > 0);
        let name = (whose, *max_bytes, *max_entries);
        if let Some(cache) = caches.get(&name).and_then(Weak::upgrade) {
            return cache;
        }
        let cache = Arc::new(LocalCache::new(*max_bytes, *max_entries));
        caches.insert(name, Arc::downgrade(&cache));
        cache
    }
}

impl Host for CallState {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>> {
        self.charge()?;
        let entry = self.core.cache.as_ref().and_then(|cache| cache.entries.get(key.as_str()));
        Ok(entry.map(|entry| entry.value.to_vec()))
    }

    fn put(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> Result<std::result::Result<(), String>> {
        self.charge()?;
        match &self.core.cache {
            Some(cache) => Ok(cache.put(key, value, ttl_ms)),
            None => Ok(Err("denied: `local-cache` is not granted".to_owned())),
        }
    }

    fn delete(&mut self, key: String) -> Result<()> {
        self.charge()?;
        if let Some(cache) = &self.core.cache {
            cache.entries.invalidate(key.as_str());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(namespace: Option<&str>) -> CacheGrant {
        CacheGrant { namespace: namespace.map(str::to_owned), max_bytes: 8000, max_entries: 10 }
    }

    fn held(cache: &LocalCache, key: &str) -> Option<Vec<u8>> {
        cache.entries.get(key).map(|entry| entry.value.to_vec())
    }

    #[test]
    fn plugins_share_only_what_is_granted() {
        let caches = LocalCaches::default();
        let (one, again) = (caches.open(&grant(None), "one"), caches.open(&grant(None), "one"));
        one.put("k".into(), b"v".to_vec(), 60_000).unwrap();
        assert_eq!(held(&again, "k"), Some(b"v".to_vec()), "assignments of a plugin share its cache");
        assert_eq!(held(&caches.open(&grant(None), "two"), "k"), None, "other plugins do not");
        assert_eq!(held(&caches.open(&grant(Some("one")), "two"), "k"), None, "nor by its name");
        let team = caches.open(&grant(Some("team")), "one");
        team.put("k".into(), b"ours".to_vec(), 60_000).unwrap();
        assert_eq!(held(&caches.open(&grant(Some("team")), "two"), "k"), Some(b"ours".to_vec()));
        drop((one, again, team));
        caches.open(&grant(None), "three");
        assert_eq!(caches.0.lock().unwrap().len(), 1, "a cache goes with its last assignment");
    }

    #[test]
    fn a_cache_is_bounded_in_bytes_and_entries() {
        let caches = LocalCaches::default();
        let cache = caches.open(&grant(None), "one");
        assert!(cache.put("k".into(), vec![0; 1001], 1).is_err(), "more than its share");
        assert!(cache.put("k".repeat(1025), vec![], 1).is_err(), "a long key");
        assert!(cache.put("k".into(), vec![], 0).is_err(), "no life");
        for (size, most) in [(1, 10), (1000, 7)] {
            for n in 0..1000 {
                cache.put(n.to_string(), vec![0; size], 60_000).unwrap();
            }
            cache.entries.run_pending_tasks();
            assert!(cache.entries.entry_count() <= most, "{} of {size} bytes", cache.entries.entry_count());
        }
    }

    #[test]
    fn a_value_ends() {
        let cache = LocalCaches::default().open(&grant(None), "one");
        cache.put("k".into(), b"v".to_vec(), 20).unwrap();
        let begun = Instant::now();
        while held(&cache, "k").is_some() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not end");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert!(begun.elapsed() >= Duration::from_millis(15), "not before its time");
    }
}
