//! What a gateway without a database knows of its configuration as a whole.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, watch};

use crate::declarative::EMPTY_HASH;

/// The configuration as a whole. Shared by whoever shows its hash.
#[derive(Debug)]
pub struct DbLess {
    hash: watch::Sender<String>,
    turn: Mutex<()>,
}

impl DbLess {
    /// Without a configuration.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { hash: watch::Sender::new(EMPTY_HASH.to_owned()), turn: Mutex::default() })
    }

    /// MD5 of the text that is in force; 32 zeros if there is none.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.borrow().clone()
    }

    /// Whether no configuration was given yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self.hash.borrow() == EMPTY_HASH
    }

    pub(super) fn set_hash(&self, hash: String) {
        self.hash.send_replace(hash);
    }

    /// The right to load a configuration, if nobody else does.
    pub(super) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }
}
