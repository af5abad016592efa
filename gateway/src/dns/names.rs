//! All names that somebody holds, each once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use super::keeper::{Keeper, keep};
use super::lookup::Lookup;
use super::{Name, NameCounts};
use crate::config::DnsSettings;
use crate::task;

/// Look-ups at the same time.
const AT_ONCE: usize = 64;

/// All names that somebody holds, each once. Cheap to clone.
#[derive(Clone)]
pub struct Names(Arc<Shared>);

struct Shared {
    known: Mutex<HashMap<Arc<str>, Weak<Name>>>,
    changed: Arc<Notify>,
    most: usize,
    keeper: Option<(Arc<Keeper>, Handle)>,
}

impl Names {
    /// Names that are looked up on this runtime. Reads the system's configuration; must be called in it.
    ///
    /// # Errors
    ///
    /// What is wrong with the servers to ask.
    pub fn new(settings: DnsSettings, runtime: Handle) -> Result<Self, String> {
        let changed = Arc::new(Notify::new());
        let most = settings.cache_size;
        let keeper = Keeper {
            lookup: Lookup::new(&settings).map_err(|error| error.to_string())?,
            settings,
            turns: Semaphore::new(AT_ONCE),
            changed: Arc::clone(&changed),
        };
        let keeper = Some((Arc::new(keeper), runtime));
        Ok(Self(Arc::new(Shared { known: Mutex::default(), changed, most, keeper })))
    }

    /// Names that nobody ever looks up: for a snapshot that takes no requests.
    pub fn unknown() -> Self {
        let changed = Arc::new(Notify::new());
        Self(Arc::new(Shared { known: Mutex::default(), changed, most: usize::MAX, keeper: None }))
    }

    /// A name, looked up from now on. Takes a lock: for the control plane, and for a name that a request
    /// brings along for the first time.
    pub fn name(&self, host: &str) -> Arc<Name> {
        let host = host.to_ascii_lowercase();
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(host.as_str()).and_then(Weak::upgrade) {
            return name;
        }
        if known.len() >= self.0.most {
            known.retain(|_, name| name.strong_count() > 0);
        }
        let host: Arc<str> = host.into();
        let name = Arc::new(Name::new(Arc::clone(&host)));
        known.insert(host, Arc::downgrade(&name));
        drop(known);
        if let Some((keeper, runtime)) = &self.0.keeper {
            let _entered = runtime.enter();
            task::spawn("dns name", keep(Arc::downgrade(&name), Arc::clone(keeper)));
        }
        name
    }

    /// Waits until an answer says something else than before.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// What was counted of each name that is held.
    pub fn counts(&self) -> Vec<(Arc<str>, NameCounts)> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.values().filter_map(Weak::upgrade);
        held.map(|name| (Arc::clone(name.host()), name.counts.read())).collect()
    }

    /// How many names are held.
    pub fn len(&self) -> usize {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|name| name.strong_count() > 0).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("names", &self.len()).finish_non_exhaustive()
    }
}
