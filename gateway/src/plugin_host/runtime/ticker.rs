//! The clock that stops guests: one thread moves the engine's epoch on once a millisecond.
//!
//! A thread of its own, since a busy runtime would delay a task. It holds the engine weakly and
//! ends with it. When no call has begun for a while it sleeps longer, so that an idle gateway
//! does not wake a thousand times a second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

/// One tick.
const PERIOD: Duration = Duration::from_millis(1);
/// Ticks without a new call after which the thread dozes.
const IDLE_TICKS: u32 = 2000;
/// Longest nap: a wake-up that is lost to a race delays one deadline by this much at most.
const NAP: Duration = Duration::from_millis(20);

/// How callers tell the clock that they are there.
#[derive(Default)]
struct Shared {
    dozing: AtomicBool,
    activity: Mutex<Vec<Weak<AtomicU64>>>,
}

/// The running clock.
#[derive(Clone)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

/// Counts the calls of one thread, so that the clock knows whether anyone is there. Nobody else
/// writes to it: no two threads share its cache line on the way of a call.
pub(crate) struct Activity {
    calls: Arc<AtomicU64>,
    ticker: Ticker,
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, seen) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("weir-epochs".into()).spawn(move || run(&engine, &seen))?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// A counter for the calls of one thread.
    pub(crate) fn activity(&self) -> Activity {
        let calls = Arc::new(AtomicU64::new(0));
        let mut all = self.shared.activity.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&calls));
        Activity { calls, ticker: self.clone() }
    }
}

impl Activity {
    /// Says that a call begins.
    pub(crate) fn call(&self) {
        self.calls.store(self.calls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if self.ticker.shared.dozing.load(Ordering::Relaxed) {
            self.ticker.thread.unpark();
        }
    }
}

fn run(engine: &EngineWeak, shared: &Shared) {
    let mut next = Instant::now();
    let (mut last, mut idle) = (0, 0);
    loop {
        let dozing = idle >= IDLE_TICKS;
        shared.dozing.store(dozing, Ordering::Relaxed);
        next += if dozing { NAP } else { PERIOD };
        let now = Instant::now();
        match next.checked_duration_since(now) {
            Some(rest) => thread::park_timeout(rest),
            None => next = now,
        }
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        let calls = total(shared);
        idle = if calls == last { idle.saturating_add(1).min(IDLE_TICKS) } else { 0 };
        if idle == 0 {
            next = next.min(Instant::now());
        }
        last = calls;
    }
}

fn total(shared: &Shared) -> u64 {
    let all = shared.activity.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = all.iter().filter_map(Weak::upgrade).map(|one| one.load(Ordering::Relaxed));
    calls.fold(0, u64::wrapping_add)
}
