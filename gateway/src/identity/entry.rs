//! What is remembered of a key.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::generations::Stamp;
use crate::exchange::ConsumerFacts;

/// A credential and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub consumer: Arc<ConsumerFacts>,
    /// Its id.
    pub id: Arc<str>,
    /// The credential as the Admin API prints it.
    pub data_json: Arc<str>,
}

/// What a key leads to.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Credential(Arc<Credential>),
    Consumer(Arc<ConsumerFacts>),
    Nobody,
}

impl Found {
    pub(super) fn into_credential(self) -> Option<Arc<Credential>> {
        match self {
            Self::Credential(credential) => Some(credential),
            Self::Consumer(_) | Self::Nobody => None,
        }
    }

    pub(super) fn into_consumer(self) -> Option<Arc<ConsumerFacts>> {
        match self {
            Self::Consumer(consumer) => Some(consumer),
            Self::Credential(_) | Self::Nobody => None,
        }
    }
}

/// A key of a kind, with its hash. The key is in the form of [`Store::key_text`](crate::store::Store::key_text).
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) kind: &'a str,
    pub(super) key: &'a str,
    pub(super) hash: u64,
}

impl<'a> Name<'a> {
    pub(super) fn new(hasher: &impl BuildHasher, kind: &'a str, key: &'a str) -> Self {
        Self { kind, key, hash: hasher.hash_one((kind, key)) }
    }

    /// Both in one text; neither holds a NUL.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str(self.kind);
        text.push('\0');
        text.push_str(self.key);
    }
}

/// One answer of the store. Never changes; a newer one takes its place.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Box<str>,
    pub(super) key: Box<str>,
    pub(super) found: Found,
    /// Wrong from the moment that something it was made from changes.
    pub(super) stamp: Stamp,
    pub(super) fresh_until: Instant,
    /// Unix seconds after which the credential no longer exists.
    pub(super) expires_at: Option<i64>,
}

impl Entry {
    pub(super) fn is_for(&self, name: &Name<'_>) -> bool {
        *self.key == *name.key && *self.kind == *name.kind
    }

    pub(super) fn is_known(&self) -> bool {
        !matches!(self.found, Found::Nobody)
    }

    pub(super) fn is_young(&self) -> bool {
        Instant::now() < self.fresh_until
    }

    /// What it says at this second.
    pub(super) fn found(&self) -> Found {
        match self.expires_at {
            Some(expires_at) if expires_at <= now_unix() => Found::Nobody,
            Some(_) | None => self.found.clone(),
        }
    }
}

fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
