//! Makes an instance: store, limits, instantiation, configuration.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Instance as Guest;
use wasmtime::{Store, UpdateDeadline};

use super::body_work::BodyCalls;
use super::instance::{Calls, trapped};
use super::{Arena, CallState, Instance, processor_time};
use crate::plugin_host::assignment::Core;
use crate::plugin_host::bindings::exports::weir::plugin::lifecycle;
use crate::plugin_host::load::Contract;
use crate::plugin_host::runtime::Permit;
use crate::plugin_host::{CallFailure, ConfigProblem, Fuel, Phase};

/// What `configure` said.
pub(crate) type Configured = Result<lifecycle::Setup, Vec<ConfigProblem>>;

/// Guest time for `configure`, in ticks.
const CONFIGURE_TICKS: u64 = 50;
/// Host memory that one host call may take for what the guest sends.
pub(super) const HOSTCALL_FUEL: usize = 4 << 20;
/// Resources that a guest may hold.
const MAX_HANDLES: usize = 256;

/// Starts an instance on this thread.
///
/// # Errors
///
/// [`CallFailure::Start`] if it cannot be instantiated or fails in `configure`.
pub(crate) fn start(core: &Arc<Core>, permit: Permit) -> Result<(Instance, Configured), CallFailure> {
    let begun = Instant::now();
    let started = catch_unwind(AssertUnwindSafe(|| {
        let mut store = store(core, false);
        let made = contract(core).and_then(|contract| {
            let guest = contract.plain.instantiate(&mut store)?;
            let configure = contract.exports.lifecycle.load(&mut store, &guest)?;
            let said = configure.call_configure(&mut store, &core.config_json)?;
            Ok((guest, said))
        });
        finish(core, store, (begun, made), permit)
    }));
    started.unwrap_or(Err(CallFailure::Panic))
}

/// Starts an instance whose calls run on fibers.
///
/// # Errors
///
/// [`CallFailure::Start`] if it cannot be instantiated or fails in `configure`.
pub(crate) async fn start_suspending(
    core: &Arc<Core>,
    permit: Permit,
) -> Result<(Instance, Configured), CallFailure> {
    let begun = Instant::now();
    let mut store = store(core, true);
    let made = processor_time::counted(async {
        let contract = contract(core)?;
        let guest = contract.suspending.instantiate_async(&mut store).await?;
        let lifecycle = contract.exports.lifecycle.load(&mut store, &guest)?;
        let configure = lifecycle.func_configure();
        let (said,) = configure.call_async(&mut store, (core.config_json.as_str(),)).await?;
        Ok((guest, said))
    })
    .await;
    finish(core, store, (begun, made), permit)
}

type Said = Result<lifecycle::Setup, Vec<lifecycle::ConfigProblem>>;

fn finish(
    core: &Core,
    mut store: Store<CallState>,
    (begun, made): (Instant, wasmtime::Result<(Guest, Said)>),
    permit: Permit,
) -> Result<(Instance, Configured), CallFailure> {
    let (guest, said) =
        made.map_err(|error| CallFailure::Start(trapped(&error, store.data()).to_string()))?;
    let calls = phases(core, &mut store, &guest).map_err(|error| CallFailure::Start(format!("{error:#}")))?;
    store.data_mut().memory.settle();
    let now = Instant::now();
    store.data_mut().spent.starting = Some(now.saturating_duration_since(begun));
    note(&store, "configure");
    let (left, age) = lifetime();
    let calls = Box::new(calls);
    let instance = Instance { store, calls, left, until: now + age, _permit: permit };
    let problem = |problem: lifecycle::ConfigProblem| ConfigProblem {
        pointer: problem.pointer,
        message: problem.message,
    };
    Ok((instance, said.map_err(|problems| problems.into_iter().map(problem).collect())))
}

/// A store with the limits of `core`, ready for `configure`.
pub(crate) fn store(core: &Arc<Core>, yields: bool) -> Store<CallState> {
    let mut store = Store::new(core.plugin.engine(), CallState::new(Arc::clone(core), yields));
    store.limiter(|state| &mut state.memory);
    bound(&mut store);
    refuel(&mut store);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.tick()?;
        Ok(match state.yields {
            true => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
            false => UpdateDeadline::Continue(1),
        })
    });
    processor_time::begin();
    store.data_mut().begin(None, CONFIGURE_TICKS);
    store.set_epoch_deadline(1);
    store
}

/// What a guest may have the host keep for it.
pub(crate) fn bound<T: 'static>(store: &mut Store<T>) {
    store.set_hostcall_fuel(HOSTCALL_FUEL);
    store.set_max_component_handles(MAX_HANDLES);
}

fn contract(core: &Core) -> wasmtime::Result<&Contract> {
    core.plugin.contract().ok_or_else(|| wasmtime::Error::msg("a function is not configured"))
}

/// In a trial: begins to count the instructions of one call.
pub(super) fn refuel(store: &mut Store<CallState>) {
    if store.data().core.services.trial.is_some() {
        _ = store.set_fuel(Fuel::FULL);
    }
}

/// In a trial: notes what the call has cost.
pub(super) fn note(store: &Store<CallState>, phase: &'static str) {
    // Outside of a trial there is no fuel, and to ask for it would make an error for each call.
    let Some(trial) = &store.data().core.services.trial else { return };
    if let Ok(left) = store.get_fuel() {
        trial.note(phase, left);
    }
}

fn phases(core: &Core, store: &mut Store<CallState>, guest: &Guest) -> wasmtime::Result<Calls> {
    let exports = &contract(core)?.exports;
    macro_rules! function {
        ($phase:ident) => {
            exports.of(Phase::$phase).map(|index| guest.get_typed_func(&mut *store, index)).transpose()?
        };
    }
    let arena = || Arena::new(core.plugin.arena);
    Ok(Calls {
        before_routing: function!(BeforeRouting).map(|function| (function, arena())),
        request_head: function!(RequestHead).map(|function| (function, arena())),
        response_head: function!(ResponseHead).map(|function| (function, arena())),
        log: function!(Log),
        body: BodyCalls {
            request_body: function!(RequestBody),
            response_body: function!(ResponseBody),
            request_chunk: function!(RequestStream),
            response_chunk: function!(ResponseStream),
            request_trailers: function!(RequestTrailers),
            response_trailers: function!(ResponseTrailers),
        },
    })
}

/// Calls and time after which an instance is replaced: between 500 and 1500, and between 40 and 80
/// seconds, so that those of many workers are not replaced together.
fn lifetime() -> (u32, Duration) {
    thread_local!(static SEED: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish()));
    let next = SEED.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    SEED.set(next);
    let calls = 500 + u32::try_from((next >> 33) % 1000).unwrap_or(0);
    (calls, Duration::from_millis(40_000 + (next >> 17) % 40_000))
}
