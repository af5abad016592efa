//! The queue of one assignment on one worker. Its task ends when the queue is closed and empty.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::deliver::Delivery;
use crate::plugin_host::assignment::{Core, LogBatch};
use crate::plugin_host::guest::LogEntry;
use crate::plugin_host::metrics::Shard;

/// Entries that wait for a plugin.
pub(crate) struct LogQueue {
    waiting: Mutex<Waiting>,
    /// There is a first entry, a whole batch, or no more to come.
    changed: Notify,
    emptied: Notify,
    batch: LogBatch,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<LogEntry>,
    bytes: usize,
    closed: bool,
    hurry: bool,
    delivering: bool,
}

/// What the task of a queue does next.
enum Step {
    Deliver(Vec<LogEntry>),
    /// There are entries, but a batch is not whole and not due.
    Gather,
    Idle,
    End,
}

impl LogQueue {
    /// A queue, and the task that empties it.
    pub(crate) fn begin(core: &Arc<Core>, batch: LogBatch, shard: Arc<Shard>) -> Arc<Self> {
        let queue = Arc::new(Self {
            waiting: Mutex::default(),
            changed: Notify::new(),
            emptied: Notify::new(),
            batch,
            dropped: AtomicU64::new(0),
        });
        core.services.logs.add(&queue);
        let delivery = Delivery::new(Arc::clone(core), batch, shard);
        crate::task::spawn("log queue", run(Arc::clone(&queue), delivery));
        queue
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an entry. If there is no room, the oldest make way.
    pub(crate) fn push(&self, entry: LogEntry) {
        let mut waiting = self.lock();
        waiting.bytes += entry.bytes();
        waiting.entries.push_back(entry);
        while waiting.entries.len() > self.batch.max_queued || waiting.bytes > self.batch.max_queued_bytes {
            let Some(oldest) = waiting.entries.pop_front() else {
                break;
            };
            waiting.bytes -= oldest.bytes();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        let now = waiting.entries.len();
        drop(waiting);
        if now == 1 || now == self.batch.max_entries {
            self.changed.notify_one();
        }
    }

    /// No more will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Deliver at once what waits.
    pub(super) fn hurry(&self) {
        self.lock().hurry = true;
        self.changed.notify_one();
    }

    fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.entries.is_empty() && !waiting.delivering
    }

    /// Entries that were dropped since this was asked last.
    fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// The next batch; `None` when no more will come.
    async fn next(&self) -> Option<Vec<LogEntry>> {
        let mut until: Option<Instant> = None;
        loop {
            let changed = self.changed.notified();
            match self.step(until) {
                Step::Deliver(batch) => return Some(batch),
                Step::End => return None,
                Step::Idle => changed.await,
                Step::Gather => {
                    let until = *until.get_or_insert_with(|| Instant::now() + self.batch.max_delay);
                    drop(timeout_at(until, changed).await);
                }
            }
        }
    }

    /// What to do now; entries are due at `until`.
    fn step(&self, until: Option<Instant>) -> Step {
        let mut waiting = self.lock();
        let due = until.is_some_and(|until| Instant::now() >= until);
        let whole = waiting.entries.len() >= self.batch.max_entries;
        let now = whole || due || waiting.closed || waiting.hurry;
        if now && !waiting.entries.is_empty() {
            return Step::Deliver(waiting.take(self.batch.max_entries));
        }
        waiting.hurry = false;
        match (waiting.closed, waiting.entries.is_empty()) {
            (true, _) => Step::End,
            (false, true) => Step::Idle,
            (false, false) => Step::Gather,
        }
    }

    /// Waits until nothing waits and nothing is being delivered.
    pub(super) async fn drained(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.is_idle() {
                return;
            }
            self.hurry();
            emptied.await;
        }
    }

    fn delivered(&self) {
        self.lock().delivering = false;
        self.emptied.notify_waiters();
    }
}

impl Waiting {
    fn take(&mut self, most: usize) -> Vec<LogEntry> {
        let batch: Vec<_> = self.entries.drain(..most.min(self.entries.len())).collect();
        self.bytes -= batch.iter().map(LogEntry::bytes).sum::<usize>();
        self.delivering = true;
        batch
    }
}

async fn run(queue: Arc<LogQueue>, mut delivery: Delivery) {
    while let Some(batch) = queue.next().await {
        delivery.deliver(batch).await;
        queue.delivered();
        let dropped = queue.take_dropped();
        if dropped > 0 {
            delivery.report_dropped(dropped);
        }
    }
    queue.delivered();
}
