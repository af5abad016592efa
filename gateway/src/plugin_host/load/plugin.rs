//! A component that is ready to be assigned: compiled, linked, described.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::Phase;
use super::describe::PluginInfo;
use crate::plugin_host::AdmissionError;
use crate::plugin_host::bindings::exports::weir::plugin::{
    before_routing, lifecycle, log_phase, meta, request_body, request_head, request_stream, request_trailers,
    response_body, response_head, response_stream, response_trailers,
};
use crate::plugin_host::guest::{CallState, MemoryLimiter};
use crate::plugin_host::imports::Linkers;

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
    /// Those of them that are kept for a body.
    pub(crate) pinned: Arc<AtomicU32>,
}

/// Where its exports are.
pub(crate) struct Exports {
    pub(crate) lifecycle: lifecycle::GuestIndices,
    /// The function of each phase, in the order of [`Phase::ALL`].
    phases: [Option<ComponentExportIndex>; Phase::ALL.len()],
}

impl Exports {
    /// The function of a phase; `None` if it is not exported.
    pub(crate) fn of(&self, phase: Phase) -> Option<&ComponentExportIndex> {
        self.phases.get(phase.place()).and_then(Option::as_ref)
    }
}

impl Plugin {
    /// Phases that it exports.
    pub fn phases(&self) -> Vec<Phase> {
        Phase::ALL.into_iter().filter(|phase| self.exports.of(*phase).is_some()).collect()
    }

    /// Whether it may keep an instance for the length of a body.
    pub(crate) fn streams(&self) -> bool {
        [Phase::RequestStream, Phase::ResponseStream].iter().any(|phase| self.exports.of(*phase).is_some())
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
    refuse_other_versions(component)?;
    let plain = linkers.plain.instantiate_pre(component).map_err(contract)?;
    let suspending = linkers.suspending.instantiate_pre(component).map_err(contract)?;
    let exports = exports(component, &plain)?;
    if exports.phases.iter().all(Option::is_none) {
        return Err(AdmissionError::Contract("it exports none of the phases of the contract".into()));
    }
    let (info, cost) = describe(component)?;
    component.initialize_copy_on_write_image().map_err(contract)?;
    let info = PluginInfo::check(info)?;
    Ok(Plugin {
        digest,
        info,
        cost,
        plain,
        suspending,
        exports,
        alive: Arc::default(),
        pinned: Arc::default(),
    })
}

/// Resolves what the gateway will call, and checks its types once and for all.
fn exports(component: &Component, pre: &InstancePre<CallState>) -> Result<Exports, AdmissionError> {
    let contract = |error: wasmtime::Error| AdmissionError::Contract(format!("{error:#}"));
    meta::GuestIndices::new(pre).map_err(contract)?;
    let lifecycle = lifecycle::GuestIndices::new(pre).map_err(contract)?;
    let mismatch = |phase: Phase| match phase {
        Phase::BeforeRouting => before_routing::GuestIndices::new(pre).err(),
        Phase::RequestHead => request_head::GuestIndices::new(pre).err(),
        Phase::RequestBody => request_body::GuestIndices::new(pre).err(),
        Phase::RequestStream => request_stream::GuestIndices::new(pre).err(),
        Phase::RequestTrailers => request_trailers::GuestIndices::new(pre).err(),
        Phase::ResponseHead => response_head::GuestIndices::new(pre).err(),
        Phase::ResponseBody => response_body::GuestIndices::new(pre).err(),
        Phase::ResponseStream => response_stream::GuestIndices::new(pre).err(),
        Phase::ResponseTrailers => response_trailers::GuestIndices::new(pre).err(),
        Phase::Log => log_phase::GuestIndices::new(pre).err(),
    };
    let mut phases = [None; Phase::ALL.len()];
    for (place, phase) in phases.iter_mut().zip(Phase::ALL) {
        let (interface, function) = exported_as(phase);
        *place = index(component, interface, function, mismatch(phase))?;
    }
    Ok(Exports { lifecycle, phases })
}

/// The interface of a phase and its one function.
fn exported_as(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::BeforeRouting => ("before-routing", "on-before-routing"),
        Phase::RequestHead => ("request-head", "on-request-head"),
        Phase::RequestBody => ("request-body", "on-request-body"),
        Phase::RequestStream => ("request-stream", "on-request-chunk"),
        Phase::RequestTrailers => ("request-trailers", "on-request-trailers"),
        Phase::ResponseHead => ("response-head", "on-response-head"),
        Phase::ResponseBody => ("response-body", "on-response-body"),
        Phase::ResponseStream => ("response-stream", "on-response-chunk"),
        Phase::ResponseTrailers => ("response-trailers", "on-response-trailers"),
        Phase::Log => ("log-phase", "on-log"),
    }
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

fn refuse_other_versions(component: &Component) -> Result<(), AdmissionError> {
    let kind = component.component_type();
    for (name, _) in kind.exports(component.engine()) {
        let Some((_, version)) = name.strip_prefix("weir:plugin/").and_then(|rest| rest.split_once('@'))
        else {
            continue;
        };
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
    linker.define_unknown_imports_as_traps(component).map_err(failed)?;
    let pre = linker.instantiate_pre(component).map_err(failed)?;
    let state = Described { memory: MemoryLimiter::new(DESCRIBE_MEMORY), ticks: 0 };
    let mut store = Store::new(component.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(1 << 20);
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
