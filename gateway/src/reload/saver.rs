//! Keeps the last good configuration on disk: in the background, and not each change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::identity::SAVED_KINDS;
use crate::snapshot::Configuration;
use crate::store::{LastGood, Revision, Store};
use crate::task;

/// Between two writes of the configuration, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// Of the time, one part in so many and one goes into writing a large one.
const SHARE: u32 = 9;
/// Until it is tried again what could not be saved.
const RETRY: Duration = Duration::from_secs(10);
/// Between two writes of consumers and credentials, which are read from the store again.
const IDENTITIES_PAUSE: Duration = Duration::from_secs(10);
/// Entities of each kind that are kept.
const MOST_IDENTITIES: usize = 10_000;

/// Where the loop leaves what is to be saved; the newest replaces what was not saved yet.
#[derive(Debug)]
pub(super) struct Saver {
    newest: watch::Sender<Option<(Revision, Arc<Configuration>)>>,
    heard: watch::Sender<Revision>,
}

impl Saver {
    /// Starts the tasks that write. They end with the value returned, after what is due is written.
    pub(super) fn start(last_good: &LastGood, store: &Store) -> Self {
        let (newest, configurations) = watch::channel(None);
        let (heard, revisions) = watch::channel(0);
        task::spawn("save last good", save_configurations(last_good.clone(), configurations));
        task::spawn("save identities", save_identities(last_good.clone(), store.clone(), revisions));
        Self { newest, heard }
    }

    /// A configuration went live.
    pub(super) fn save(&self, revision: Revision, configuration: &Arc<Configuration>) {
        self.newest.send_replace(Some((revision, Arc::clone(configuration))));
    }

    /// Something was written, perhaps a credential.
    pub(super) fn heard_of(&self, revision: Revision) {
        self.heard.send_if_modified(|known| std::mem::replace(known, revision) != revision);
    }
}

/// Until there is something to save: what is new, or after a while what could not be saved. False at the end.
async fn wait<T>(news: &mut watch::Receiver<T>, is_due: bool) -> bool {
    let changed = news.changed();
    if !is_due {
        return changed.await.is_ok();
    }
    tokio::time::timeout(RETRY, changed).await.map_or(true, |changed| changed.is_ok())
}

async fn save_configurations(
    last_good: LastGood,
    mut configurations: watch::Receiver<Option<(Revision, Arc<Configuration>)>>,
) {
    let mut is_due = false;
    while wait(&mut configurations, is_due).await {
        let newest = configurations.borrow_and_update().clone();
        let Some((revision, configuration)) = newest else {
            continue;
        };
        let began = Instant::now();
        let saved = last_good.save(revision, configuration.texts()).await;
        is_due = saved.is_err();
        if let Err(error) = saved {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last good configuration is not saved"
            );
        }
        tokio::time::sleep(PAUSE.max(began.elapsed() * SHARE)).await;
    }
}

async fn save_identities(last_good: LastGood, store: Store, mut revisions: watch::Receiver<Revision>) {
    let mut is_due = false;
    while wait(&mut revisions, is_due).await {
        let saved = last_good.save_identities(&store, SAVED_KINDS, MOST_IDENTITIES).await;
        is_due = saved.is_err();
        match saved {
            Ok((saved, truncated)) => tracing::debug!(saved, truncated, "consumers and credentials saved"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "consumers and credentials are not saved"
                );
            }
        }
        tokio::time::sleep(IDENTITIES_PAUSE).await;
    }
}
