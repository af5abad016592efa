//! A component that is ready to be assigned: compiled, linked, described.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::describe::PluginInfo;
use crate::plugin_host::bindings::exports::weir::plugin::{
    lifecycle, log_phase, meta, request_head, response_head,
};
use crate::plugin_host::guest::{CallState, MemoryLimiter};
use crate::plugin_host::imports::{Linkers, link_stopped_clock};
use crate::plugin_host::{AdmissionError, Fuel};

/// A phase that this gateway calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The head of the request, before the upstream.
    RequestHead,
    /// The head of the response.
    ResponseHead,
    /// After the exchange.
    Log,
}

/// What a component costs, measured when it was admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Compilation, in milliseconds; 0 if an artifact was there.
    pub compile_ms: u64,
    /// Machine code and data, in bytes.
    pub artifact_bytes: u64,
    /// A fresh instance, in microseconds.
    pub instantiate_us: u64,
    /// Memory of a fresh instance, in bytes.
    pub memory_bytes: u64,
}

/// Phases of the contract that this gateway does not call yet.
const NOT_YET: [&str; 6] = [
    "request-body",
    "request-stream",
    "request-trailers",
    "response-body",
    "response-stream",
    "response-trailers",
];

/// A component that is ready to be assigned.
pub struct Plugin {
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// What it says about itself.
    pub info: PluginInfo,
    /// What it costs.
    pub cost: Cost,
    pub(crate) plain: InstancePre<CallState>,
    pub(crate) suspending: InstancePre<CallState>,
    pub(crate) exports: Exports,
    /// Instances alive.
    pub(crate) alive: Arc<AtomicU32>,
}

/// Where its exports are.
pub(crate) struct Exports {
    pub(crate) lifecycle: lifecycle::GuestIndices,
    pub(crate) request_head: Option<ComponentExportIndex>,
    pub(crate) response_head: Option<ComponentExportIndex>,
    pub(crate) log: Option<ComponentExportIndex>,
}

impl Plugin {
    /// Phases that it exports.
    pub fn phases(&self) -> Vec<Phase> {
        let Exports { lifecycle: _, request_head, response_head, log } = &self.exports;
        let all = [
            (Phase::RequestHead, request_head.is_some()),
            (Phase::ResponseHead, response_head.is_some()),
            (Phase::Log, log.is_some()),
        ];
        all.into_iter().filter(|(_, exported)| *exported).map(|(phase, _)| phase).collect()
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin({} {})", self.info.name, self.info.version)
    }
}

/// Links a compiled component and asks it to describe itself, with every capability denied.
///
/// Runs the guest for 50 ms at most.
pub(crate) fn dry_run(
    linkers: &Linkers,
    component: &Component,
    digest: String,
) -> Result<Plugin, AdmissionError> {
    let contract = |error: wasmtime::Error| AdmissionError::Contract(format!("{error:#}"));
    refuse_other_phases(component)?;
    let plain = linkers.plain.instantiate_pre(component).map_err(contract)?;
    let suspending = linkers.suspending.instantiate_pre(component).map_err(contract)?;
    let exports = exports(component, &plain)?;
    if exports.request_head.is_none() && exports.response_head.is_none() && exports.log.is_none() {
        return Err(AdmissionError::Contract(
            "it exports none of the phases request-head, response-head and log-phase".into(),
        ));
    }
    let (info, cost) = describe(component)?;
    component.initialize_copy_on_write_image().map_err(contract)?;
    let info = PluginInfo::check(info)?;
    Ok(Plugin { digest, info, cost, plain, suspending, exports, alive: Arc::default() })
}

/// Resolves what the gateway will call, and checks its types once and for all.
fn exports(component: &Component, pre: &InstancePre<CallState>) -> Result<Exports, AdmissionError> {
    let contract = |error: wasmtime::Error| AdmissionError::Contract(format!("{error:#}"));
    meta::GuestIndices::new(pre).map_err(contract)?;
    let lifecycle = lifecycle::GuestIndices::new(pre).map_err(contract)?;
    let request_head = request_head::GuestIndices::new(pre);
    let response_head = response_head::GuestIndices::new(pre);
    let log = log_phase::GuestIndices::new(pre);
    Ok(Exports {
        lifecycle,
        request_head: index(component, "request-head", "on-request-head", request_head.err())?,
        response_head: index(component, "response-head", "on-response-head", response_head.err())?,
        log: index(component, "log-phase", "on-log", log.err())?,
    })
}

/// The function of a phase; `None` if the phase is not exported at all.
fn index(
    component: &Component,
    interface: &str,
    function: &str,
    mismatch: Option<wasmtime::Error>,
) -> Result<Option<ComponentExportIndex>, AdmissionError> {
    let Some(instance) = component.get_export_index(None, format!("weir:plugin/{interface}@0.1.0").as_str())
    else {
        return Ok(None);
    };
    match mismatch {
        Some(error) => Err(AdmissionError::Contract(format!("{error:#}"))),
        None => Ok(component.get_export_index(Some(&instance), function)),
    }
}

fn refuse_other_phases(component: &Component) -> Result<(), AdmissionError> {
    let kind = component.component_type();
    for (name, _) in kind.exports(component.engine()) {
        let Some((interface, version)) =
            name.strip_prefix("weir:plugin/").and_then(|rest| rest.split_once('@'))
        else {
            continue;
        };
        if NOT_YET.contains(&interface) {
            return Err(AdmissionError::Contract(format!(
                "it exports the phase `{interface}`; this gateway calls request-head, response-head and \
                 log-phase, and no other phase yet"
            )));
        }
        if !version.starts_with("0.1.") {
            return Err(AdmissionError::Contract(format!(
                "it exports `{name}`; this gateway knows weir:plugin@0.1"
            )));
        }
    }
    Ok(())
}

/// Data of the store in which a plugin describes itself.
struct Described {
    memory: MemoryLimiter,
    ticks: u64,
}

/// Guest time for `describe`, in ticks.
const DESCRIBE_TICKS: u64 = 50;
/// Memory for `describe`.
const DESCRIBE_MEMORY: usize = 64 << 20;

fn describe(component: &Component) -> Result<(meta::PluginInfo, Cost), AdmissionError> {
    let failed = |error: wasmtime::Error| AdmissionError::Describe(error.root_cause().to_string());
    let mut linker = Linker::<Described>::new(component.engine());
    link_stopped_clock(&mut linker).map_err(failed)?;
    linker.define_unknown_imports_as_traps(component).map_err(failed)?;
    let pre = linker.instantiate_pre(component).map_err(failed)?;
    let state = Described { memory: MemoryLimiter::new(DESCRIBE_MEMORY), ticks: 0 };
    let mut store = Store::new(component.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(1 << 20);
    // Refused where instructions are not counted, which is as well.
    _ = store.set_fuel(Fuel::FULL);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.ticks += 1;
        match state.ticks > DESCRIBE_TICKS {
            true => Err(wasmtime::Error::msg("it ran longer than 50 ms")),
            false => Ok(UpdateDeadline::Continue(1)),
        }
    });
    store.set_epoch_deadline(1);
    let begun = Instant::now();
    let called = catch_unwind(AssertUnwindSafe(|| {
        let guest = pre.instantiate(&mut store)?;
        let instantiated = begun.elapsed();
        let said = meta::GuestIndices::new(&pre)?.load(&mut store, &guest)?.call_describe(&mut store)?;
        Ok((said, instantiated))
    }));
    let (said, instantiated) =
        called.unwrap_or_else(|_| Err(wasmtime::Error::msg("the engine failed"))).map_err(failed)?;
    let cost = Cost {
        instantiate_us: u64::try_from(instantiated.as_micros()).unwrap_or(u64::MAX),
        memory_bytes: u64::try_from(store.data().memory.used()).unwrap_or(u64::MAX),
        ..Cost::default()
    };
    Ok((said, cost))
}
