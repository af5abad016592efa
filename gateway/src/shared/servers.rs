//! Servers of Redis that assignments brought with them.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;

use super::SharedError;
use super::redis::{Redis, Unowned};
use crate::config::RedisSettings;

/// One connection for all assignments that name the same server. It is closed when the last of them is gone.
#[derive(Debug, Default)]
pub(super) struct Servers(Mutex<Vec<(RedisSettings, Unowned)>>);

impl Servers {
    /// The server of these settings. Sends nothing yet.
    ///
    /// # Errors
    ///
    /// [`SharedError::Settings`].
    pub(super) fn connect(&self, settings: &RedisSettings, runtime: &Handle) -> Result<Redis, SharedError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, server)| server.get().is_some());
        let known = all.iter().find(|(known, _)| known.is_the_same(settings));
        if let Some(redis) = known.and_then(|(_, server)| server.get()) {
            return Ok(redis);
        }
        let redis = Redis::new(settings, runtime)?;
        all.push((settings.clone(), redis.unowned()));
        Ok(redis)
    }
}
