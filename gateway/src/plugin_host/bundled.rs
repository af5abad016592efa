//! The plugins in the gateway's own binary.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::host::digest;
use super::{AdmissionError, Host, LoadError, Plugin};
use crate::task;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// By the digest of the component.
static BY_DIGEST: LazyLock<HashMap<String, Bytes>> =
    LazyLock::new(|| BUNDLED.iter().map(|(_, bytes)| (digest(bytes), Bytes::from_static(bytes))).collect());

impl Host {
    /// Loads a plugin of the gateway itself; `None` if it has none with this digest.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if it does not pass.
    pub async fn load_bundled(&self, digest: &str) -> Option<Result<Arc<Plugin>, LoadError>> {
        Some(self.load(digest, BY_DIGEST.get(digest)?).await)
    }

    /// All plugins of the gateway itself, to hear what they say of themselves. They are compiled at the first
    /// start, and loaded from artifacts after that. Most gateways need few of them: [`Host::forget_unused`].
    ///
    /// # Errors
    ///
    /// [`LoadError`] for the first that does not pass.
    pub async fn bundled(&self) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let hurry = self.compiler().hurry();
        // Each that is loaded has a thread of its own, and what a thread has used it keeps for a while.
        let turns = Arc::new(Semaphore::new(hurry.at_once));
        let load = |(digest, bytes): (&'static String, &'static Bytes)| {
            let (this, turns) = (self.clone(), Arc::clone(&turns));
            let load = async move {
                let _turn = turns.acquire().await;
                this.load(digest, bytes).await
            };
            (digest, task::spawn("bundled plugin", load))
        };
        let loads: Vec<_> = BY_DIGEST.iter().map(load).collect();
        let mut plugins = Vec::with_capacity(loads.len());
        for (digest, load) in loads {
            let lost = || LoadError {
                digest: digest.clone(),
                source: AdmissionError::Internal("its task is gone".to_owned()),
            };
            plugins.push(load.await.ok().flatten().ok_or_else(lost)??);
        }
        Ok(plugins)
    }
}
