//! Keeps one name up to date, until nobody holds it any more.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::lookup::{Lookup, Resolved};
use super::name::Found;
use super::{Answer, DnsFailure, Name};
use crate::config::{DnsSettings, RecordKind};

/// Nothing is looked up more often than this, whatever its lifetime.
const SHORTEST: Duration = Duration::from_secs(1);

/// What all names have in common.
pub(super) struct Keeper {
    pub(super) lookup: Lookup,
    pub(super) settings: DnsSettings,
    pub(super) turns: Semaphore,
    pub(super) changed: Arc<Notify>,
}

/// What is known of one name between two look-ups.
#[derive(Debug, Default)]
struct Memory {
    last: Option<RecordKind>,
    /// When the last good answer grew old.
    expired: Option<Instant>,
}

/// Runs until the name is gone.
pub(super) async fn keep(name: Weak<Name>, keeper: Arc<Keeper>) {
    let mut memory = Memory::default();
    loop {
        let Some(held) = name.upgrade() else { return };
        let Ok(turn) = keeper.turns.acquire().await else { return };
        let found = keeper.lookup.resolve(held.host(), memory.last).await;
        drop(turn);
        let pause = keeper.settle(&held, found, &mut memory);
        let keeping = Arc::clone(&held.keeping);
        drop(held);
        keeping.rest(pause).await;
    }
}

impl Keeper {
    /// Puts the answer in place; how long it is good for.
    fn settle(&self, name: &Name, found: Result<Resolved, DnsFailure>, memory: &mut Memory) -> Duration {
        let now = Instant::now();
        name.counts.note(|counts| {
            counts.queries += 1;
            counts.last = Some(now);
            counts.found += u64::from(found.is_ok());
            counts.failed += u64::from(found.is_err());
        });
        let (answer, pause) = match found {
            Ok(Resolved { records, lifetime, kind }) => {
                let lifetime = self.settings.valid_ttl.unwrap_or(lifetime).max(SHORTEST);
                memory.last = Some(kind).filter(|kind| *kind != RecordKind::Last);
                name.counts.note(|counts| counts.kind = memory.last);
                memory.expired = now.checked_add(lifetime);
                (Answer::Found(Found::new(records)), lifetime)
            }
            Err(failure) if failure.is_final() => (Answer::Failed(failure), self.settings.not_found_ttl),
            Err(failure) => {
                let pause = self.settings.error_ttl;
                let since = memory.expired.map(|expired| now.saturating_duration_since(expired));
                if name.is_found() && since.is_some_and(|since| since < self.settings.stale_ttl) {
                    name.counts.note(|counts| counts.stale += 1);
                    tracing::debug!(name = name.host().as_ref(), %failure, "the last good answer stays");
                    return pause.max(SHORTEST);
                }
                (Answer::Failed(failure), pause)
            }
        };
        if let Answer::Failed(failure) = &answer {
            tracing::warn!(name = name.host().as_ref(), %failure, "a name leads nowhere");
        }
        if name.put(answer) {
            self.changed.notify_one();
        }
        pause.max(SHORTEST)
    }
}
