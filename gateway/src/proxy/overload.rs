//! What a worker turns away when the process has more than it can do: early, cheaply, and with 503 and
//! `Retry-After`, so that what it has accepted is served well.
//!
//! Three limits: client connections; memory of the process; and the time that a worker's own work waits for
//! its turn, which is the queue that nobody else sees. The Admin API and the status listener have a runtime
//! of their own and are not held to any of them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::ProxyError;
use super::worker::Worker;
use crate::config::Speaks;
use crate::task;
use crate::telemetry::{Shed, resident_bytes};

/// Between two looks at the memory in use.
const LOOK: Duration = Duration::from_millis(250);

/// Between two looks at the queue: a quarter of what may be waited, within these.
const QUEUE_LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Of the time by which a tick is late the worker has computed at least one part in so many. If not, the system
/// let it stand still, and there may be no queue at all.
const COMPUTED: u32 = 4;

/// Connections that are told at once why they are turned away; more are closed without a word.
const MOST_TOLD: usize = 256;

/// How long such a connection is kept for its answer to arrive, and how much of its request is read.
const LINGER: Duration = Duration::from_secs(5);
const MOST_READ: u64 = 16 * 1024;

/// The answer for a connection that nobody will read from.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 29\r\nretry-after: 1\r\nconnection: close\r\n\r\nToo many connections for now\n";

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
    told: Cell<usize>,
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
    fn reason(&self, now: Instant) -> Option<Shed> {
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

impl Worker {
    /// Whether there is room for one more request, which has come `now`; counts it if there is not.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Overloaded`].
    pub(super) fn room(&self, now: Instant) -> Result<(), ProxyError> {
        let Some(reason) = self.pressure.reason(now) else { return Ok(()) };
        self.metrics.shed(reason);
        Err(ProxyError::Overloaded)
    }

    /// Turns a connection away that there is no room for, and tells it so if it is not encrypted.
    pub(super) fn turn_away(self: &Rc<Self>, stream: TcpStream, speaks: Speaks) {
        self.metrics.shed(Shed::Connections);
        if speaks.tls || self.pressure.told.get() >= MOST_TOLD {
            return;
        }
        self.pressure.told.set(self.pressure.told.get() + 1);
        let worker = Rc::clone(self);
        task::spawn_local("refusal", async move {
            answer_and_close(stream, REFUSAL).await;
            worker.pressure.told.set(worker.pressure.told.get().saturating_sub(1));
        });
    }
}

/// Answers once something has been asked: clients take an answer that comes before for a fault. A close over
/// unread bytes would be a reset, and might take the answer with it.
pub(super) async fn answer_and_close(stream: TcpStream, answer: &'static [u8]) {
    _ = tokio::time::timeout(LINGER, answer_and_read_on(stream, answer)).await;
}

async fn answer_and_read_on(mut stream: TcpStream, answer: &'static [u8]) -> std::io::Result<()> {
    // Not merely `readable`, which may come back before there is anything to read.
    let _what_it_asks = stream.read(&mut [0; 1024]).await?;
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST_READ), &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_its_length() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    }

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
