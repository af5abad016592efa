//! How a worker knows that it has more than it can do.
//!
//! Memory of the process, and the time that a worker's own work waits for its turn, which is the queue that nobody
//! else sees. The Admin API and the status listener have a runtime of their own and are not held to either.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::worker::Worker;
use crate::task;
use crate::telemetry::{Shed, resident_bytes};

/// Between two looks at the memory in use.
const LOOK: Duration = Duration::from_millis(250);

/// Between two looks at the queue: a quarter of what may be waited, within these.
const QUEUE_LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Of the time by which a tick is late the worker has computed at least one part in so many. If not, the system
/// let it stand still, and there may be no queue at all.
const COMPUTED: u32 = 4;

/// Whether the process uses more memory than it may. All clones say the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryPressure(Arc<AtomicBool>);

impl MemoryPressure {
    /// Looks at the memory in use from time to time; for a task of its own. Never ends.
    pub async fn watch(self, most_bytes: u64) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let used = resident_bytes().unwrap_or(0);
            // What was freed is soon used again: it must be a good deal.
            let limit = if self.is_high() { most_bytes / 20 * 19 } else { most_bytes };
            let was = self.0.swap(used > limit, Ordering::Relaxed);
            if was != (used > limit) {
                tracing::warn!(used, most_bytes, shedding = !was, "memory in use");
            }
        }
    }

    fn is_high(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker knows of its load.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    pub(super) memory: MemoryPressure,
    /// `None` is no limit.
    pub(super) max_queue_time: Option<Duration>,
    /// When the next tick is due, and what the worker had computed at the last one; none before the first.
    next_tick: Cell<Option<(Instant, Duration)>>,
    is_queueing: Cell<bool>,
    /// Connections that are being told why they are turned away.
    pub(super) told: Cell<usize>,
}

impl Pressure {
    pub(super) fn new(memory: MemoryPressure, max_queue_time: Option<Duration>) -> Self {
        Self { memory, max_queue_time, ..Self::default() }
    }

    /// A tick came so long after its time, as long as any other work waits for its turn, and since the one before
    /// the worker has computed for so long.
    fn note_tick(&self, late: Duration, computed: Duration) {
        self.is_queueing.set(self.is_queue(late, computed));
    }

    fn is_queue(&self, late: Duration, computed: Duration) -> bool {
        self.max_queue_time.is_some_and(|most| late > most) && computed.saturating_mul(COMPUTED) >= late
    }

    /// Whether the next tick is already too late: work comes in bursts, whose end need not wait for it.
    fn is_overdue(&self, now: Instant) -> bool {
        let Some((due, computed)) = self.next_tick.get() else { return false };
        let late = now.saturating_duration_since(due);
        // The processor time is asked for, by a system call, only when it counts.
        self.is_queue(late, Duration::MAX)
            && self.is_queue(late, task::thread_time().saturating_sub(computed))
    }

    /// Why no more work should be taken on, if so.
    pub(super) fn reason(&self, now: Instant) -> Option<Shed> {
        if self.memory.is_high() {
            return Some(Shed::Memory);
        }
        (self.is_queueing.get() || self.is_overdue(now)).then_some(Shed::Queue)
    }
}

/// Looks how long work waits for its turn, for as long as the worker lives.
pub(super) async fn watch_queue(worker: Rc<Worker>) {
    let Some(most) = worker.pressure.max_queue_time else { return };
    let (shortest, longest) = QUEUE_LOOKS;
    let pause = (most / 4).clamp(shortest, longest);
    let mut before = task::thread_time();
    loop {
        let due = Instant::now() + pause;
        worker.pressure.next_tick.set(Some((due, before)));
        tokio::time::sleep_until(due).await;
        let now = task::thread_time();
        worker.pressure.note_tick(due.elapsed(), now.saturating_sub(before));
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_computes_while_work_waits_is_overloaded() {
        let pressure = Pressure::new(MemoryPressure::default(), Some(Duration::from_millis(100)));
        let ms = Duration::from_millis;
        for (case, late, computed, want) in [
            ("late, and it computed all the time", ms(200), ms(220), Some(Shed::Queue)),
            ("in time", ms(0), ms(50), None),
            ("as late as it may be", ms(100), ms(100), None),
            ("late, and half of the time others had the processor", ms(200), ms(100), Some(Shed::Queue)),
            ("late, and the system let it stand still", ms(200), ms(40), None),
        ] {
            pressure.note_tick(late, computed);
            assert_eq!(pressure.reason(Instant::now()), want, "{case}");
        }
        pressure.memory.0.store(true, Ordering::Relaxed);
        assert_eq!(pressure.reason(Instant::now()), Some(Shed::Memory));
    }

    #[test]
    fn a_burst_is_cut_where_the_next_tick_would_be_too_late() {
        let pressure = Pressure::new(MemoryPressure::default(), Some(Duration::from_millis(20)));
        let (due, before) = (Instant::now(), task::thread_time());
        pressure.next_tick.set(Some((due, before)));
        let mut sum = 0_u64;
        while task::thread_time() - before < Duration::from_millis(30) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let ms = Duration::from_millis;
        assert_eq!(pressure.reason(due + ms(20)), None);
        assert_eq!(pressure.reason(due + ms(21)), Some(Shed::Queue));
        assert_eq!(pressure.reason(due + ms(60_000)), None, "it stood still");
    }

    #[tokio::test]
    async fn memory_beyond_its_limit_is_seen() {
        let (small, large) = (MemoryPressure::default(), MemoryPressure::default());
        _ = tokio::time::timeout(Duration::from_millis(100), async {
            tokio::join!(small.clone().watch(1), large.clone().watch(u64::MAX));
        })
        .await;
        assert!(small.is_high(), "every process has more than a byte");
        assert!(!large.is_high());
    }
}
