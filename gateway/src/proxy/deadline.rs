//! One deadline for each connection, checked by a coarse tick.
//!
//! A timer of its own for every wait of every request would cost more than the wait is worth. Here
//! arming is a store to a cell, and one tick each [`TICK`] looks at all connections of the worker.
//! A wait may therefore last up to one tick longer than asked.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// How often deadlines are looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Ticks after which a connection that waits for a request is quiet: about a second.
const QUIET_TICKS: u8 = 20;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For nothing that needs a deadline: the gateway itself is at work.
    Nothing,
    /// For the first byte of a request.
    Idle,
    /// For the rest of a request head.
    Head,
    /// For more of a request body.
    RequestBody,
    /// For the upstream: to take the request, to answer, or to send more of its answer.
    Upstream,
}

/// The deadline of one connection.
#[derive(Debug)]
pub(super) struct Deadline {
    wait: Cell<Wait>,
    at: Cell<Option<Instant>>,
    /// The client does not take what is sent to it: comes before what `wait` says.
    stalled_at: Cell<Option<Instant>>,
    due: Cell<bool>,
    /// Ticks since it was armed, while a request is awaited.
    idle_ticks: Cell<u8>,
    waker: RefCell<Option<Waker>>,
    clock: Rc<Cell<Instant>>,
}

/// All deadlines of one worker.
#[derive(Debug)]
pub(super) struct Deadlines {
    entries: RefCell<Vec<Weak<Deadline>>>,
    clock: Rc<Cell<Instant>>,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { entries: RefCell::default(), clock: Rc::new(Cell::new(Instant::now())) }
    }

    /// A deadline that is not armed.
    pub(super) fn register(&self) -> Rc<Deadline> {
        let deadline = Rc::new(Deadline {
            wait: Cell::new(Wait::Nothing),
            at: Cell::new(None),
            stalled_at: Cell::new(None),
            due: Cell::new(false),
            idle_ticks: Cell::new(0),
            waker: RefCell::new(None),
            clock: Rc::clone(&self.clock),
        });
        self.entries.borrow_mut().push(Rc::downgrade(&deadline));
        deadline
    }

    /// Marks what is due at `now`, and forgets what is gone.
    pub(super) fn tick(&self, now: Instant) {
        self.clock.set(now);
        self.entries.borrow_mut().retain(|entry| {
            let Some(deadline) = entry.upgrade() else { return false };
            let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if passed(deadline.at.get()) || passed(deadline.stalled_at.get()) {
                deadline.due.set(true);
                deadline.wake();
            } else if deadline.turns_quiet() {
                deadline.wake();
            }
            true
        });
    }

    /// Wakes every connection, so that it sees that the worker drains.
    pub(super) fn wake_all(&self) {
        for deadline in self.entries.borrow().iter().filter_map(Weak::upgrade) {
            deadline.wake();
        }
    }
}

impl Deadline {
    /// Waits for `wait`, at most `limit`.
    pub(super) fn arm(&self, wait: Wait, limit: Duration) {
        self.wait.set(wait);
        self.at.set(self.clock.get().checked_add(limit + TICK));
        self.due.set(false);
        self.idle_ticks.set(0);
    }

    /// Counts a tick; true for the one with which this connection becomes quiet.
    fn turns_quiet(&self) -> bool {
        if self.wait.get() != Wait::Idle || self.idle_ticks.get() == QUIET_TICKS {
            return false;
        }
        self.idle_ticks.set(self.idle_ticks.get() + 1);
        self.idle_ticks.get() == QUIET_TICKS
    }

    /// Whether nothing has come or gone for a while, and nothing has to go.
    pub(super) fn is_quiet(&self) -> bool {
        self.idle_ticks.get() == QUIET_TICKS
            && self.wait.get() == Wait::Idle
            && self.stalled_at.get().is_none()
    }

    /// Something may have come: it is not quiet, for another while.
    pub(super) fn stir(&self) {
        self.idle_ticks.set(0);
    }

    /// The time is up.
    pub(super) fn expire(&self) {
        self.due.set(true);
        self.wake();
    }

    /// Waits for nothing.
    pub(super) fn disarm(&self) {
        self.wait.set(Wait::Nothing);
        self.at.set(None);
        self.due.set(false);
    }

    /// The client stopped taking bytes.
    pub(super) fn stall(&self, limit: Duration) {
        if self.stalled_at.get().is_none() {
            self.stalled_at.set(self.clock.get().checked_add(limit + TICK));
        }
    }

    /// The client takes bytes, if slowly: it has that long again.
    pub(super) fn still_stalls(&self, limit: Duration) {
        if self.stalled_at.get().is_some() && !self.due.get() {
            self.stalled_at.set(self.clock.get().checked_add(limit + TICK));
        }
    }

    /// The client takes bytes again.
    pub(super) fn unstall(&self) {
        self.stalled_at.set(None);
    }

    /// The time as of the last tick: cheaper than asking the system, and late by a tick at most.
    pub(super) fn now(&self) -> Instant {
        self.clock.get()
    }

    /// What the connection waits for.
    pub(super) fn wait(&self) -> Wait {
        self.wait.get()
    }

    /// Whether the upstream's time is up.
    pub(super) fn upstream_is_late(&self) -> bool {
        self.due.get() && self.wait.get() == Wait::Upstream && self.stalled_at.get().is_none()
    }

    /// Whether the client's time is up.
    pub(super) fn client_is_late(&self) -> bool {
        self.due.get() && !self.upstream_is_late()
    }

    /// Wakes `cx` when a deadline passes or the worker begins to drain.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Waits for `work` as long as this deadline lets a client take; `None` if that was too long.
    pub(super) async fn bound<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.register(cx);
            match work.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if self.client_is_late() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_due_after_its_limit_and_one_tick() {
        let deadlines = Deadlines::new();
        let deadline = deadlines.register();
        let began = deadlines.clock.get();
        deadline.arm(Wait::Head, Duration::from_millis(100));
        deadlines.tick(began + Duration::from_millis(120));
        assert!(!deadline.client_is_late(), "not before limit plus tick");
        deadlines.tick(began + Duration::from_millis(151));
        assert!(deadline.client_is_late());
        deadline.disarm();
        assert!(!deadline.client_is_late(), "progress clears it");
    }

    #[test]
    fn a_client_that_takes_nothing_is_late_even_while_the_upstream_is_awaited() {
        let deadlines = Deadlines::new();
        let deadline = deadlines.register();
        let began = deadlines.clock.get();
        deadline.arm(Wait::Upstream, Duration::from_secs(60));
        deadline.stall(Duration::from_secs(1));
        deadlines.tick(began + Duration::from_secs(2));
        assert!(deadline.client_is_late());
        assert!(!deadline.upstream_is_late());
    }

    #[test]
    fn who_waits_for_a_request_is_quiet_after_a_second() {
        let deadlines = Deadlines::new();
        let deadline = deadlines.register();
        let ticks = |count| (0..count).for_each(|_| deadlines.tick(deadlines.clock.get() + TICK));
        deadline.arm(Wait::Idle, Duration::from_secs(75));
        ticks(u32::from(QUIET_TICKS) - 1);
        assert!(!deadline.is_quiet(), "not yet");
        ticks(1);
        assert!(deadline.is_quiet());
        deadline.stall(Duration::from_secs(60));
        assert!(!deadline.is_quiet(), "its answer has not gone");
        deadline.unstall();
        deadline.arm(Wait::Upstream, Duration::from_secs(60));
        ticks(100);
        assert!(!deadline.is_quiet(), "a request is under way");
    }

    #[test]
    fn gone_connections_are_forgotten() {
        let deadlines = Deadlines::new();
        drop(deadlines.register());
        deadlines.tick(Instant::now());
        assert!(deadlines.entries.borrow().is_empty());
    }
}
