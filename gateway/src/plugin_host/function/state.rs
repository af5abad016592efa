//! What the host knows about a running function: the data of its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::log::LogLines;
use super::outgoing::Outgoing;
use crate::exchange::RequestId;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::guest::{CallState, Cancel, bound};
use crate::plugin_host::runtime::Fuel;

/// Headers of one message, in bytes of memory.
const MAX_FIELDS: usize = 128 << 10;
/// Streams, bodies and alarms that one call may have.
const MAX_RESOURCES: usize = 256;

/// The data of a function's store.
pub(crate) struct FunctionState {
    pub(super) call: CallState,
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
}

impl WasiView for FunctionState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for FunctionState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}

/// Tells ticks of the clock in which the guest ran from those of its waits.
///
/// A wait, however long, moves the clock on past the guest's deadline once; that tick is not the guest's.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The guest stops for a tick, and not because it waits.
    ticked: AtomicBool,
    waited: AtomicBool,
}

impl Turns {
    /// The guest is suspended.
    pub(super) fn suspended(&self) {
        if !self.ticked.swap(false, Ordering::Relaxed) {
            self.waited.store(true, Ordering::Relaxed);
        }
    }
}

/// A store with the limits of `core`.
pub(super) fn store(
    core: &Arc<Core>,
    id: Option<RequestId>,
    cancel: &Arc<Cancel>,
    turns: Arc<Turns>,
) -> Store<FunctionState> {
    let mut call = CallState::new(Arc::clone(core), true);
    call.cancel = Arc::clone(cancel);
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_RESOURCES);
    let log = LogLines::new(core, id);
    let wasi = WasiCtx::builder().stdout(log.clone()).stderr(log).build();
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(MAX_FIELDS);
    let outgoing = Outgoing::new(core, cancel);
    let state = FunctionState { call, table, wasi, http, outgoing };
    let mut store = Store::new(core.plugin.engine(), state);
    store.limiter(|state| &mut state.call.memory);
    bound(&mut store);
    if core.services.trial.is_some() {
        _ = store.set_fuel(Fuel::FULL);
    }
    store.epoch_deadline_callback(move |mut context| {
        let call = &mut context.data_mut().call;
        if turns.waited.swap(false, Ordering::Relaxed) {
            call.waited = 1;
        }
        call.tick()?;
        turns.ticked.store(true, Ordering::Relaxed);
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store.set_epoch_deadline(1);
    store
}
