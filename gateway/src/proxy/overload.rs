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

use super::error::ProxyError;
use super::worker::Worker;
use crate::config::Speaks;
use crate::task;
use crate::telemetry::{Shed, resident_bytes};

/// Between two looks at the memory in use.
const LOOK: Duration = Duration::from_millis(250);

/// Late ticks in a row that make an overload: one may be the system's doing.
const LATE_TICKS: u32 = 3;

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
    late_ticks: Cell<u32>,
    told: Cell<usize>,
}

impl Pressure {
    pub(super) fn new(memory: MemoryPressure, max_queue_time: Option<Duration>) -> Self {
        Self { memory, max_queue_time, ..Self::default() }
    }

    /// A tick came so long after its time: as long as any other work waits for its turn.
    pub(super) fn note_tick(&self, late: Duration) {
        let is_late = self.max_queue_time.is_some_and(|most| late > most);
        self.late_ticks.set(if is_late { self.late_ticks.get().saturating_add(1) } else { 0 });
    }

    /// Why no more work should be taken on, if so.
    fn reason(&self) -> Option<Shed> {
        if self.memory.is_high() {
            return Some(Shed::Memory);
        }
        (self.late_ticks.get() >= LATE_TICKS).then_some(Shed::Queue)
    }
}

impl Worker {
    /// Whether there is room for one more request; counts it if there is not.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Overloaded`].
    pub(super) fn room(&self) -> Result<(), ProxyError> {
        let Some(reason) = self.pressure.reason() else { return Ok(()) };
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
    fn one_late_tick_is_no_overload_and_several_are() {
        let pressure = Pressure::new(MemoryPressure::default(), Some(Duration::from_millis(100)));
        let late = Duration::from_millis(200);
        for (case, tick, want) in [
            ("the first", late, None),
            ("the second", late, None),
            ("the third", late, Some(Shed::Queue)),
            ("one in time", Duration::ZERO, None),
            ("late again", late, None),
        ] {
            pressure.note_tick(tick);
            assert_eq!(pressure.reason(), want, "{case}");
        }
        pressure.memory.0.store(true, Ordering::Relaxed);
        assert_eq!(pressure.reason(), Some(Shed::Memory));
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
