//! All queues of the process, so that the end of it can wait for them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::LogQueue;

/// All queues that are alive.
#[derive(Default)]
pub(crate) struct LogQueues(Mutex<Vec<Weak<LogQueue>>>);

impl LogQueues {
    pub(super) fn add(&self, queue: &Arc<LogQueue>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|queue| queue.strong_count() > 0);
        all.push(Arc::downgrade(queue));
    }

    /// Waits until all queues are empty, `longest` at most.
    pub(crate) async fn flush(&self, longest: Duration) {
        let until = Instant::now() + longest;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all: Vec<_> = all.iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|queue| queue.hurry());
        for queue in all {
            drop(timeout_at(until, queue.drained()).await);
        }
    }
}
