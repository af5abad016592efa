//! One configured instance of a plugin, and how it is called.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use wasmtime::Store;

use super::body_work::BodyCalls;
use super::start::{note, refuel};
use super::state::OutOfTime;
use super::traces;
use super::work::{OnBeforeRouting, OnLog, OnRequestHead, OnResponseHead};
use super::{Arena, CallState, EntryRef, Inputs, Outcome, Work, lists_of, processor_time, values_of};
use crate::exchange::Exchange;
use crate::plugin_host::CallFailure;
use crate::plugin_host::bindings::weir::plugin::types::Failure;
use crate::plugin_host::runtime::Permit;

/// A configured instance. It serves one assignment, and one call at a time.
pub(crate) struct Instance {
    pub(super) store: Store<CallState>,
    /// Apart, since an instance is handed on often.
    pub(super) calls: Box<Calls>,
    /// Calls after which it is replaced.
    pub(super) left: u32,
    /// When it is replaced, whatever it did.
    pub(super) until: Instant,
    pub(super) _permit: Permit,
}

/// The phases that the component exports.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) before_routing: Option<(OnBeforeRouting, Arena)>,
    pub(super) request_head: Option<(OnRequestHead, Arena)>,
    pub(super) response_head: Option<(OnResponseHead, Arena)>,
    pub(super) log: Option<OnLog>,
    pub(super) body: BodyCalls,
}

type Answered = Result<Outcome, CallFailure>;

impl Instance {
    pub(crate) fn state(&mut self) -> &mut CallState {
        self.store.data_mut()
    }

    /// Whether its calls run on fibers.
    pub(crate) fn suspends(&self) -> bool {
        self.store.data().yields
    }

    /// Begins a call with `budget` ticks of guest time.
    pub(crate) fn begin(&mut self, exchange: Option<Box<Exchange>>, budget: u64) {
        self.left = self.left.saturating_sub(1);
        self.store.data_mut().begin(exchange, budget);
        refuel(&mut self.store);
        self.store.set_epoch_deadline(1);
    }

    /// Whether the instance may serve another call at `now`.
    pub(crate) fn is_fit(&self, now: Instant) -> bool {
        let state = self.store.data();
        self.left > 0 && now < self.until && !state.memory.has_grown()
    }

    /// Calls the guest on this thread. Never waits.
    pub(crate) fn run(&mut self, work: &Work) -> Answered {
        processor_time::begin();
        let called = catch_unwind(AssertUnwindSafe(|| self.call(work)));
        note(&self.store, work.phase().as_str());
        self.sort(called.map_err(|_| ()))
    }

    /// Calls the guest on a fiber. The future must be polled to its end.
    pub(crate) async fn run_suspending(&mut self, work: &Work) -> Answered {
        // The clock is asked only by calls that really wait.
        let (mut suspended, mut since) = (Duration::ZERO, None::<Instant>);
        let called = {
            let mut call = pin!(self.call_suspending(work));
            poll_fn(|context| {
                suspended += since.take().map_or(Duration::ZERO, |since| since.elapsed());
                processor_time::resume();
                let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
                since = matches!(polled, Ok(Poll::Pending)).then(Instant::now);
                match polled {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(answer)) => Poll::Ready(Ok(answer)),
                    Err(_) => Poll::Ready(Err(())),
                }
            })
            .await
        };
        self.state().spent.suspended = suspended;
        note(&self.store, work.phase().as_str());
        self.sort(called)
    }

    fn call(&mut self, work: &Work) -> wasmtime::Result<Result<Outcome, Failure>> {
        match work {
            Work::Body(work) => self.call_body(work),
            Work::BeforeRouting(held) => {
                let (function, arena) = self.calls.before_routing.as_ref().ok_or_else(missing)?;
                let (said,) = function.call(&mut self.store, (Inputs { held, arena },))?;
                Ok(said.map(Outcome::BeforeRouting))
            }
            Work::RequestHead(held) => {
                let (function, arena) = self.calls.request_head.as_ref().ok_or_else(missing)?;
                let (said,) = function.call(&mut self.store, (Inputs { held, arena },))?;
                Ok(said.map(Outcome::RequestHead))
            }
            Work::ResponseHead(held, carry) => {
                let (function, arena) = self.calls.response_head.as_ref().ok_or_else(missing)?;
                let inputs = Inputs { held, arena };
                let (said,) = function.call(&mut self.store, (inputs, carry.as_deref()))?;
                Ok(said.map(Outcome::ResponseHead))
            }
            Work::Log(entries) => {
                let function = self.calls.log.ok_or_else(missing)?;
                let lists: Vec<_> = entries.iter().map(|entry| lists_of(&entry.inputs)).collect();
                let pairs = entries.iter().zip(&lists);
                let values: Vec<_> = pairs.map(|(entry, lists)| values_of(&entry.inputs, lists)).collect();
                let pairs = entries.iter().zip(&values);
                let entries: Vec<_> =
                    pairs.map(|(entry, values)| EntryRef::new(values, entry.carry.as_deref())).collect();
                let (said,) = function.call(&mut self.store, (&entries,))?;
                Ok(said.map(|()| Outcome::Logged))
            }
        }
    }

    async fn call_suspending(&mut self, work: &Work) -> wasmtime::Result<Result<Outcome, Failure>> {
        match work {
            Work::Body(work) => self.call_body_suspending(work).await,
            Work::BeforeRouting(held) => {
                let (function, arena) = self.calls.before_routing.as_ref().ok_or_else(missing)?;
                let (said,) = function.call_async(&mut self.store, (Inputs { held, arena },)).await?;
                Ok(said.map(Outcome::BeforeRouting))
            }
            Work::RequestHead(held) => {
                let (function, arena) = self.calls.request_head.as_ref().ok_or_else(missing)?;
                let (said,) = function.call_async(&mut self.store, (Inputs { held, arena },)).await?;
                Ok(said.map(Outcome::RequestHead))
            }
            Work::ResponseHead(held, carry) => {
                let (function, arena) = self.calls.response_head.as_ref().ok_or_else(missing)?;
                let inputs = Inputs { held, arena };
                let (said,) = function.call_async(&mut self.store, (inputs, carry.as_deref())).await?;
                Ok(said.map(Outcome::ResponseHead))
            }
            Work::Log(entries) => {
                let function = self.calls.log.ok_or_else(missing)?;
                let lists: Vec<_> = entries.iter().map(|entry| lists_of(&entry.inputs)).collect();
                let pairs = entries.iter().zip(&lists);
                let values: Vec<_> = pairs.map(|(entry, lists)| values_of(&entry.inputs, lists)).collect();
                let pairs = entries.iter().zip(&values);
                let entries: Vec<_> =
                    pairs.map(|(entry, values)| EntryRef::new(values, entry.carry.as_deref())).collect();
                let (said,) = function.call_async(&mut self.store, (&entries,)).await?;
                Ok(said.map(|()| Outcome::Logged))
            }
        }
    }

    /// Tells a plugin's own failure from a trap, and a trap from a limit.
    fn sort(&self, called: Result<wasmtime::Result<Result<Outcome, Failure>>, ()>) -> Answered {
        match called {
            Ok(Ok(Ok(outcome))) => Ok(outcome),
            Ok(Ok(Err(Failure { mut message, retryable }))) => {
                self.store.data().core.grants.secrets.redact(&mut message);
                Err(CallFailure::Failed { message, retryable })
            }
            Ok(Err(error)) => Err(trapped(&error, self.store.data())),
            Err(()) => Err(CallFailure::Panic),
        }
    }
}

/// Names why a guest was stopped.
pub(crate) fn trapped(error: &wasmtime::Error, state: &CallState) -> CallFailure {
    if error.is::<OutOfTime>() {
        return CallFailure::GuestTime;
    }
    if !state.waits {
        traces::report(error, state);
    }
    let cause = error.root_cause().to_string();
    if state.memory.was_refused() { CallFailure::Memory(cause) } else { CallFailure::Trap(cause) }
}

pub(super) fn missing() -> wasmtime::Error {
    wasmtime::Error::msg("the component does not export this phase")
}
