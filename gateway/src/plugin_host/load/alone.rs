//! A plugin by itself, outside of requests: asked what it is, with every capability denied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use wasmtime::component::{Component, Instance as Guest, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::Cost;
use crate::plugin_host::Fuel;
use crate::plugin_host::guest::{MemoryLimiter, processor_time};
use crate::plugin_host::imports::link_stopped_clock;

/// Data of the store in which a plugin runs by itself.
pub(super) struct Described {
    memory: MemoryLimiter,
    ticks: u64,
}

/// Guest time for a call outside of requests, in ticks.
const ALONE_TICKS: u64 = 50;
/// Memory for it.
const ALONE_MEMORY: usize = 64 << 20;

/// Calls a fresh instance whose imports trap, and measures what that took.
pub(super) fn alone<T>(
    component: &Component,
    call: impl FnOnce(&Guest, &mut Store<Described>) -> wasmtime::Result<T>,
) -> wasmtime::Result<(T, Cost)> {
    let mut linker = Linker::<Described>::new(component.engine());
    link_stopped_clock(&mut linker)?;
    linker.define_unknown_imports_as_traps(component)?;
    let pre = linker.instantiate_pre(component)?;
    let state = Described { memory: MemoryLimiter::new(ALONE_MEMORY), ticks: 0 };
    let mut store = Store::new(component.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(1 << 20);
    // Refused where instructions are not counted, which is as well.
    _ = store.set_fuel(Fuel::FULL);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.ticks = state.ticks.saturating_add(processor_time::ticks());
        match state.ticks > ALONE_TICKS {
            true => Err(wasmtime::Error::msg("it ran longer than 50 ms")),
            false => Ok(UpdateDeadline::Continue(1)),
        }
    });
    store.set_epoch_deadline(1);
    processor_time::begin();
    let begun = Instant::now();
    let called = catch_unwind(AssertUnwindSafe(|| {
        let guest = pre.instantiate(&mut store)?;
        let instantiated = begun.elapsed();
        Ok((call(&guest, &mut store)?, instantiated))
    }));
    let (said, instantiated) = called.unwrap_or_else(|_| Err(wasmtime::Error::msg("the engine failed")))?;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let cost = Cost {
        instantiate_us: micros(instantiated),
        describe_us: micros(begun.elapsed().saturating_sub(instantiated)),
        memory_bytes: u64::try_from(store.data().memory.used()).unwrap_or(u64::MAX),
        ..Cost::default()
    };
    Ok((said, cost))
}
