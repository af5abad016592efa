//! The access log: one JSON line a request, and no request ever waits for the disk.
//!
//! A worker appends to a lane of its own; one writer thread empties the lanes some ten times a
//! second, which also makes few, large writes. A lane that is full drops lines and counts them. The
//! query of a request is left out: it is where keys and tokens are passed.

mod line;
mod rotate;
mod stream_line;
mod time;
mod writer;

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

use super::metrics::{Collect, Exposition, Kind};
use crate::config::AccessLogTarget;
use crate::exchange::{Exchange, StreamSession};
use time::TimeText;

/// Bytes of one lane that may wait for the writer: some 10 000 lines.
const LANE_BYTES: usize = 4 << 20;
/// Bytes after which the writer is woken early.
const WAKE_BYTES: usize = LANE_BYTES / 4;
/// Bytes that a worker keeps to itself while the writer holds its lane.
const SPILL_BYTES: usize = 64 << 10;

/// The access log of the process. A clone is the same log.
#[derive(Debug, Clone, Default)]
pub struct AccessLog {
    shared: Option<Arc<Shared>>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What the workers and the writer share.
#[derive(Debug, Default)]
struct Shared {
    lanes: Mutex<Vec<Arc<Lane>>>,
    reopen: AtomicBool,
    finish: AtomicBool,
    written: AtomicU64,
    dropped: AtomicU64,
}

/// Lines of one worker that wait for the writer.
#[derive(Debug, Default)]
struct Lane {
    lines: Mutex<String>,
}

impl AccessLog {
    /// Opens `target` and starts the writer. Off costs nothing from here on.
    ///
    /// # Errors
    ///
    /// The operating system's, if the file cannot be opened or the thread not be started.
    pub fn open(target: &AccessLogTarget) -> io::Result<Self> {
        let Some(sink) = writer::Sink::open(target)? else {
            return Ok(Self::default());
        };
        let shared = Arc::new(Shared::default());
        let writer = writer::start(sink, Arc::clone(&shared))?;
        Ok(Self { shared: Some(shared), writer: Arc::new(Mutex::new(Some(writer))) })
    }

    /// The end of the log that belongs to one worker.
    pub fn worker(&self) -> WorkerAccessLog {
        let lane = self.shared.as_ref().map(|shared| {
            let lane = Arc::new(Lane::default());
            shared.lanes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&lane));
            WorkerLane {
                lane,
                shared: Arc::clone(shared),
                scratch: RefCell::default(),
                writer: self.thread(),
            }
        });
        WorkerAccessLog { lane }
    }

    /// Opens the file anew: after rotation, lines go to the new one.
    pub fn reopen(&self) {
        if let Some(shared) = &self.shared {
            shared.reopen.store(true, Ordering::Relaxed);
            self.wake();
        }
    }

    /// Writes what waits and ends the writer. Blocks until that is done.
    pub fn finish(&self) {
        let Some(shared) = &self.shared else { return };
        shared.finish.store(true, Ordering::Relaxed);
        self.wake();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the access log panicked");
        }
    }

    /// Lines that were lost because the disk was slower than the traffic, or failed.
    pub fn dropped(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.dropped.load(Ordering::Relaxed))
    }

    fn wake(&self) {
        if let Some(thread) = self.thread() {
            thread.unpark();
        }
    }

    fn thread(&self) -> Option<std::thread::Thread> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_ref().map(|writer| writer.thread().clone())
    }
}

impl Collect for AccessLog {
    fn collect(&self, out: &mut Exposition) {
        let Some(shared) = &self.shared else { return };
        out.family("weir_access_log_lines_total", Kind::Counter, "Lines written to the access log.");
        out.sample(&[], shared.written.load(Ordering::Relaxed));
        out.family(
            "weir_access_log_dropped_lines_total",
            Kind::Counter,
            "Lines lost: the disk was slow or failed.",
        );
        out.sample(&[], shared.dropped.load(Ordering::Relaxed));
    }
}

/// The end of the access log that belongs to one worker. Stays on its thread.
#[derive(Debug, Default)]
pub struct WorkerAccessLog {
    lane: Option<WorkerLane>,
}

#[derive(Debug)]
struct WorkerLane {
    lane: Arc<Lane>,
    shared: Arc<Shared>,
    scratch: RefCell<Scratch>,
    writer: Option<std::thread::Thread>,
}

/// Lines that are not in the lane yet, and the text of the current second.
#[derive(Debug, Default)]
struct Scratch {
    lines: String,
    time: TimeText,
}

impl WorkerAccessLog {
    /// Whether lines are written at all.
    pub fn is_on(&self) -> bool {
        self.lane.is_some()
    }

    /// Appends the line of a finished exchange. Never waits; some 300 ns, and nothing when off.
    pub fn record(&self, exchange: &Exchange) {
        if let Some(lane) = &self.lane {
            lane.record(&mut lane.scratch.borrow_mut(), |time, lines| line::write(exchange, time, lines));
        }
    }

    /// Appends the line of a stream that is over. Never waits.
    pub fn record_stream(&self, session: &StreamSession) {
        if let Some(lane) = &self.lane {
            lane.record(&mut lane.scratch.borrow_mut(), |time, lines| {
                stream_line::write(session, time, lines);
            });
        }
    }
}

impl WorkerLane {
    fn record(&self, scratch: &mut Scratch, write: impl FnOnce(&mut TimeText, &mut String)) {
        let start = scratch.lines.len();
        write(&mut scratch.time, &mut scratch.lines);
        match self.lane.lines.try_lock() {
            Ok(mut lane) => self.hand_over(&mut scratch.lines, &mut lane),
            Err(TryLockError::Poisoned(lane)) => self.hand_over(&mut scratch.lines, &mut lane.into_inner()),
            // The writer is taking lines away: these go with the next request.
            Err(TryLockError::WouldBlock) if scratch.lines.len() <= SPILL_BYTES => {}
            Err(TryLockError::WouldBlock) => {
                scratch.lines.truncate(start);
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn hand_over(&self, lines: &mut String, lane: &mut String) {
        let before = lane.len();
        if before + lines.len() > LANE_BYTES {
            self.shared.dropped.fetch_add(writer::count_lines(lines), Ordering::Relaxed);
        } else {
            lane.push_str(lines);
        }
        lines.clear();
        if before < WAKE_BYTES && lane.len() >= WAKE_BYTES {
            self.writer.iter().for_each(std::thread::Thread::unpark);
        }
    }
}

impl Drop for WorkerLane {
    /// A worker that ends leaves nothing behind; it may wait for the writer here.
    fn drop(&mut self) {
        let mut lane = self.lane.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lane.push_str(&self.scratch.get_mut().lines);
    }
}

#[cfg(test)]
mod tests;
