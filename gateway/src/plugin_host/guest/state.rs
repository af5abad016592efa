//! What the host knows about a call while it runs: the data of the guest's store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Handles, MemoryLimiter, processor_time};
use crate::exchange::{ConsumerFacts, Exchange, RequestId};
use crate::plugin_host::assignment::Core;
use crate::plugin_host::imports::{HeldBody, MetricHandles, PublicKey, SecretHandle};
use crate::plugin_host::repeats::Basis;

/// Calls it quits: set when the client is gone or the wall clock has run out. Host functions
/// return at once, and the guest is stopped at the next tick.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    set: AtomicBool,
    wake: Notify,
}

impl Cancel {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.wake.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Returns when it is set.
    pub(crate) async fn wait(&self) {
        loop {
            // Before the look: from here on no call is missed.
            let woken = self.wake.notified();
            if self.is_set() {
                return;
            }
            woken.await;
        }
    }
}

/// Whose call it is, and what it may still use.
pub(crate) struct CallState {
    pub(crate) core: Arc<Core>,
    /// The exchange that the running call belongs to; none outside a call, and in the log phase.
    pub(crate) exchange: Option<Box<Exchange>>,
    pub(crate) request_id: Option<RequestId>,
    /// The body that the running call is about.
    pub(crate) body: HeldBody,
    pub(crate) memory: MemoryLimiter,
    pub(crate) cancel: Arc<Cancel>,
    /// Ticks that the guest has used in this call, and may use.
    pub(crate) ticks: u64,
    pub(crate) budget: u64,
    /// Ticks that do not count: one after each wait of the host, however long it was.
    pub(crate) waited: u64,
    pub(crate) host_calls: u32,
    /// Bytes that the call may still send out and get back.
    pub(crate) outbound: u64,
    /// Bytes of attributes that it may still set.
    pub(crate) attributes: usize,
    pub(crate) spent: Spent,
    /// Consumers that the guest was told about in this call: its verdict may name them.
    pub(crate) told: Vec<Arc<ConsumerFacts>>,
    /// What its verdict rests on so far.
    pub(crate) basis: Basis,
    pub(crate) metrics: MetricHandles,
    pub(crate) keys: Handles<PublicKey>,
    pub(crate) secrets: Handles<SecretHandle>,
    /// Whether the call runs on a fiber and lets others run between ticks.
    pub(crate) yields: bool,
    /// The call was broken off, because it has to wait and does not run on a fiber.
    pub(crate) waits: bool,
}

/// Time of a call that the guest did not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// The fiber was suspended: the host waited for something, or let others run.
    pub(crate) suspended: Duration,
    /// The call waited for a thread of the slow lane.
    pub(crate) queued: Duration,
    /// The instance was made for it, configuration included.
    pub(crate) starting: Option<Duration>,
}

/// The guest has to wait for something, and runs on the worker's own stack; ends the call.
#[derive(Debug, thiserror::Error)]
#[error("the call has to wait")]
pub(crate) struct MustWait;

/// The guest asked the host for too much; ends the call.
#[derive(Debug, thiserror::Error)]
#[error("the plugin made more calls into the gateway than its limit")]
pub(crate) struct TooManyHostCalls;

/// The guest has used its time; ends the call.
#[derive(Debug, thiserror::Error)]
#[error("guest time is used up")]
pub(crate) struct OutOfTime;

impl CallState {
    pub(crate) fn new(core: Arc<Core>, yields: bool) -> Self {
        Self {
            memory: MemoryLimiter::new(core.limits.memory_bytes),
            exchange: None,
            body: HeldBody::default(),
            request_id: None,
            cancel: Arc::default(),
            ticks: 0,
            budget: core.limits.guest_ms,
            waited: 0,
            host_calls: core.limits.host_calls,
            outbound: core.limits.outbound_bytes,
            attributes: core.limits.attribute_bytes,
            spent: Spent::default(),
            told: Vec::new(),
            basis: Basis::More,
            metrics: MetricHandles::default(),
            keys: Handles::default(),
            secrets: Handles::default(),
            yields,
            waits: false,
            core,
        }
    }

    /// Makes ready for one call with `budget` ticks.
    pub(crate) fn begin(&mut self, exchange: Option<Box<Exchange>>, budget: u64) {
        self.request_id = exchange.as_ref().map(|exchange| exchange.id);
        self.exchange = exchange;
        self.ticks = 0;
        self.waited = 0;
        self.waits = false;
        self.budget = budget;
        self.host_calls = self.core.limits.host_calls;
        self.outbound = self.core.limits.outbound_bytes;
        self.attributes = self.core.limits.attribute_bytes;
        self.told.clear();
        self.basis = Basis::begin(self.core.repeats());
    }

    /// Counts a call into the host.
    ///
    /// # Errors
    ///
    /// [`TooManyHostCalls`] beyond the limit; the guest traps with it.
    pub(crate) fn charge(&mut self) -> wasmtime::Result<()> {
        self.charge_many(1)
    }

    /// Counts what takes as long as `calls` calls into the host.
    ///
    /// # Errors
    ///
    /// [`TooManyHostCalls`] beyond the limit; the guest traps with it.
    pub(crate) fn charge_many(&mut self, calls: u32) -> wasmtime::Result<()> {
        self.basis = Basis::More;
        self.charge_repeatable(calls)
    }

    /// The same for what would answer the same to the next exchange, or is noted in the basis.
    ///
    /// # Errors
    ///
    /// [`TooManyHostCalls`] beyond the limit; the guest traps with it.
    pub(crate) fn charge_repeatable(&mut self, calls: u32) -> wasmtime::Result<()> {
        match self.host_calls.checked_sub(calls) {
            Some(left) => {
                self.host_calls = left;
                Ok(())
            }
            None => Err(TooManyHostCalls.into()),
        }
    }

    /// A millisecond of the engine's clock has gone by, or more if one instruction took that long; may the
    /// guest go on?
    pub(crate) fn tick(&mut self) -> wasmtime::Result<()> {
        if self.cancel.is_set() {
            return Err(OutOfTime.into());
        }
        let ticks = processor_time::ticks();
        if let Some(waited) = self.waited.checked_sub(1) {
            self.waited = waited;
            return Ok(());
        }
        self.ticks = self.ticks.saturating_add(ticks);
        if self.ticks > self.budget { Err(OutOfTime.into()) } else { Ok(()) }
    }
}
