//! Who is this key: consumers and their credentials, read through a cache.
//!
//! They are not in the snapshot, since there may be a million of them. A request waits for the
//! database only when it brings a key that the cache has not seen. What is cached stays right because
//! the change feed says what changed ([`Identity::invalidate`]); how long an entry lives is only the
//! net below that. While the database is away, what was known goes on working, however old.
//!
//! It decides nothing about access: it says what the store says, or that it cannot know.

mod entry;
mod generations;
mod invalidate;
mod kinds;
mod load;
mod near;
mod seed;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use moka::future::Cache;
use moka::ops::compute::Op;
use tokio::runtime::Handle;

use crate::exchange::ConsumerFacts;
use crate::store::{Store, StoreError};
pub use entry::Credential;
use entry::{Entry, Found, Name};
use generations::Generations;
pub use kinds::SAVED_KINDS;
use near::poll_once;

/// Caches made so far.
static CACHES: AtomicU64 = AtomicU64::new(0);

/// Why it cannot be said who a key is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    /// The database does not answer, and the key is not known here.
    #[error("consumers and credentials cannot be read now: {0}")]
    Unavailable(String),
    /// A row is damaged, or the tables are missing.
    #[error("consumers and credentials cannot be read: {0}")]
    Broken(String),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Broken(error.to_string())
        }
    }
}

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct IdentityLimits {
    /// Keys of which the owner is known; about 1 KB each.
    pub known: u64,
    /// Keys that nobody has; about 200 bytes each. They have a place of their own: a flood of
    /// invented keys pushes no real one out.
    pub unknown: u64,
    /// After this time a known key is looked up again before it is believed.
    pub known_for: Duration,
    /// The same for a key that nobody has.
    pub unknown_for: Duration,
}

impl Default for IdentityLimits {
    fn default() -> Self {
        Self {
            known: 250_000,
            unknown: 100_000,
            known_for: Duration::from_secs(3_600),
            unknown_for: Duration::from_secs(30),
        }
    }
}

/// The cache in front of consumers and credentials. A clone is cheap and shares the cache.
#[derive(Debug, Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Tells the entries of this cache from those of another in the memory of a thread.
    number: u64,
    store: Store,
    /// Where look-ups run: the control plane's runtime, whose connections the store has.
    runtime: Handle,
    limits: IdentityLimits,
    hasher: RandomState,
    known: Cache<String, Arc<Entry>, RandomState>,
    unknown: Cache<String, Arc<Entry>, RandomState>,
    generations: Generations,
}

impl Identity {
    /// A cache with the usual limits.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime: look-ups run on the one that this is called in, whoever asks.
    pub fn new(store: Store) -> Self {
        Self::with_limits(store, IdentityLimits::default())
    }

    /// A cache with limits of one's own.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_limits(store: Store, limits: IdentityLimits) -> Self {
        // Clients choose the keys, so the hash has a random seed.
        let hasher = RandomState::default();
        let known = Cache::builder().max_capacity(limits.known).build_with_hasher(hasher.clone());
        let unknown = Cache::builder().max_capacity(limits.unknown).time_to_live(limits.unknown_for);
        let inner = Inner {
            number: CACHES.fetch_add(1, Ordering::Relaxed),
            store,
            runtime: Handle::current(),
            limits,
            known,
            unknown: unknown.build_with_hasher(hasher.clone()),
            hasher,
            generations: Generations::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What is known of a credential without waiting: `None` if it has to be looked up,
    /// `Some(None)` if nobody has the key. For the request path.
    pub fn cached(&self, kind: &str, key: &str) -> Option<Option<Arc<Credential>>> {
        self.inner.cached(&self.inner.name(kind, &self.inner.key_text(kind, key))).map(Found::into_credential)
    }

    /// Finds a credential by its kind (`keyauth_credentials`) and its unique key.
    ///
    /// Many who ask for the same key at once cost one look-up, and one who gives up waiting does
    /// not end it for the others.
    ///
    /// # Errors
    ///
    /// - [`IdentityError::Unavailable`] if the store is away and the key was never seen here.
    /// - [`IdentityError::Broken`] if the row is damaged.
    pub async fn find_credential(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<Option<Arc<Credential>>, IdentityError> {
        Ok(self.find(kind, key).await?.into_credential())
    }

    /// Finds a consumer by its id, or else by its username.
    ///
    /// # Errors
    ///
    /// As [`find_credential`](Self::find_credential).
    pub async fn find_consumer(
        &self,
        id_or_username: &str,
    ) -> Result<Option<Arc<ConsumerFacts>>, IdentityError> {
        Ok(self.find(kinds::CONSUMERS, id_or_username).await?.into_consumer())
    }

    async fn find(&self, kind: &str, key: &str) -> Result<Found, IdentityError> {
        let text = self.inner.key_text(kind, key);
        if let Some(found) = self.inner.cached(&self.inner.name(kind, &text)) {
            return Ok(found);
        }
        let inner = Arc::clone(&self.inner);
        let (owned_kind, owned_key) = (kind.to_owned(), key.to_owned());
        let looking = self.inner.runtime.spawn(async move { inner.look_up(&owned_kind, &owned_key).await });
        let entry = looking.await.map_err(|error| IdentityError::Broken(error.to_string()))??;
        let Some(entry) = entry else { return Ok(Found::Nobody) };
        let found = entry.found();
        // The shared cache does not always answer at once. If this thread had to ask it again, many
        // requests for one key would keep it busy with one another.
        near::put(self.inner.number, &self.inner.name(kind, &text), Some(entry));
        Ok(found)
    }
}

impl Inner {
    /// The form of a key by which it is known here.
    fn key_text<'a>(&self, kind: &str, key: &'a str) -> Cow<'a, str> {
        self.store.key_text(kind, kinds::key_field(kind), key)
    }

    fn name<'a>(&self, kind: &'a str, key: &'a str) -> Name<'a> {
        Name::new(&self.hasher, kind, key)
    }

    /// Two hash look-ups at most; the first is in memory of this thread alone.
    fn cached(&self, name: &Name<'_>) -> Option<Found> {
        if let Some(found) = near::get(self.number, name, |entry| self.answer(entry)) {
            return Some(found);
        }
        near::with_text(name, |text| {
            let known = poll_once(self.known.get(text)).flatten();
            if let Some(found) = known.as_ref().and_then(|entry| self.answer(entry)) {
                near::put(self.number, name, known);
                return Some(found);
            }
            poll_once(self.unknown.get(text)).flatten().and_then(|entry| self.answer(&entry))
        })
    }

    /// What the entry says, if it is to be believed without asking.
    fn answer(&self, entry: &Entry) -> Option<Found> {
        (self.generations.holds(&entry.stamp) && entry.is_young()).then(|| entry.found())
    }

    /// Asks the store, one at a time for each key; `None` if nobody has it.
    async fn look_up(self: &Arc<Self>, kind: &str, key: &str) -> Result<Option<Arc<Entry>>, IdentityError> {
        let key_text = self.key_text(kind, key);
        let name = self.name(kind, &key_text);
        let text = name.text();
        let done = self.known.entry_by_ref(text.as_str()).and_try_compute_with(async |old| {
            let old = old.map(moka::Entry::into_value);
            // The one before may have answered the same question while this one waited its turn.
            if old.as_ref().is_some_and(|old| self.answer(old).is_some()) {
                return Ok(Op::Nop);
            }
            if self.unknown.get(text.as_str()).await.is_some_and(|entry| self.answer(&entry).is_some()) {
                return Ok(Op::Remove);
            }
            let fresh = match self.load(&name, key).await {
                Ok(fresh) => Arc::new(fresh),
                // Better an old answer than none: the feed removes what it knows to be wrong.
                Err(IdentityError::Unavailable(_)) if old.is_some() => return Ok(Op::Nop),
                Err(error) => return Err(error),
            };
            if fresh.is_known() {
                return Ok(Op::Put(fresh));
            }
            self.unknown.insert(text.clone(), fresh).await;
            Ok(Op::Remove)
        });
        use moka::ops::compute::CompResult as Done;
        Ok(match done.await? {
            Done::Unchanged(entry) | Done::Inserted(entry) | Done::ReplacedWith(entry) => {
                Some(entry.into_value())
            }
            Done::Removed(_) | Done::StillNone(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
