//! A component that is ready to be assigned: compiled, linked, described.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::alone::alone;
use super::describe::PluginInfo;
use super::{Language, Phase, Phases};
use crate::plugin_host::AdmissionError;
use crate::plugin_host::bindings::exports::weir::plugin::{
    before_routing, config_migration, lifecycle, log_phase, meta, repeatable, request_body, request_head,
    request_stream, request_trailers, response_body, response_head, response_stream, response_trailers,
};
use crate::plugin_host::function::FunctionState;
use crate::plugin_host::guest::CallState;
use crate::plugin_host::imports::Linkers;

/// What a component costs, measured when it was admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The component as uploaded, in bytes.
    pub component_bytes: u64,
    /// Compilation, in milliseconds; 0 if an artifact was there.
    pub compile_ms: u64,
    /// Machine code and data, in bytes.
    pub artifact_bytes: u64,
    /// A fresh instance, in microseconds.
    pub instantiate_us: u64,
    /// Its description of itself, in microseconds.
    pub describe_us: u64,
    /// Memory of a fresh instance, in bytes.
    pub memory_bytes: u64,
}

/// Who uses a component on this node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct InUse {
    /// Assignments, those that only running requests hold among them.
    pub assignments: u32,
    /// Instances alive.
    pub instances: u32,
}

/// A component that is ready to be assigned.
pub struct Plugin {
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// What it says about itself.
    pub info: PluginInfo,
    /// What it was written in.
    pub language: Language,
    /// Bytes that it keeps for the inputs of a call; 0 if it keeps none.
    pub(crate) arena: u32,
    /// Phases whose verdicts may be given again.
    pub(crate) repeats: Phases,
    /// What it costs.
    pub cost: Cost,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    pub(crate) linked: Linked,
    /// Instances alive.
    pub(crate) alive: Arc<AtomicU32>,
    /// Assignments alive, those of snapshots that only running requests hold among them.
    pub(crate) assignments: AtomicU32,
    /// Those of them that are kept for a body.
    pub(crate) pinned: Arc<AtomicU32>,
}

/// A component with its imports, by what it was written for.
pub(crate) enum Linked {
    /// The contract of plugins.
    Contract(Box<Contract>),
    /// `wasi:http`.
    Function(ProxyPre<FunctionState>),
}

/// A component of the contract.
pub(crate) struct Contract {
    pub(crate) plain: InstancePre<CallState>,
    pub(crate) suspending: InstancePre<CallState>,
    pub(crate) exports: Exports,
}

/// Where its exports are.
pub(crate) struct Exports {
    pub(crate) lifecycle: lifecycle::GuestIndices,
    pub(crate) migration: Option<config_migration::GuestIndices>,
    repeatable: Option<repeatable::GuestIndices>,
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
        match &self.linked {
            Linked::Contract(contract) => {
                Phase::ALL.into_iter().filter(|phase| contract.exports.of(*phase).is_some()).collect()
            }
            Linked::Function(_) => vec![Phase::Function],
        }
    }

    /// Whether it may keep an instance for the length of a body.
    pub(crate) fn streams(&self) -> bool {
        let exports = self.contract().map(|contract| &contract.exports);
        let streams = |phase: &Phase| exports.is_some_and(|exports| exports.of(*phase).is_some());
        [Phase::RequestStream, Phase::ResponseStream].iter().any(streams)
    }

    /// What there is of the contract; `None` for a function.
    pub(crate) fn contract(&self) -> Option<&Contract> {
        match &self.linked {
            Linked::Contract(contract) => Some(contract),
            Linked::Function(_) => None,
        }
    }

    /// The function that it is, if it is one.
    pub(crate) fn function(&self) -> Option<&ProxyPre<FunctionState>> {
        match &self.linked {
            Linked::Contract(_) => None,
            Linked::Function(function) => Some(function),
        }
    }

    /// The engine that runs it.
    pub(crate) fn engine(&self) -> &Engine {
        match &self.linked {
            Linked::Contract(contract) => contract.plain.engine(),
            Linked::Function(function) => function.engine(),
        }
    }

    fn migration(&self) -> Option<(&Contract, &config_migration::GuestIndices)> {
        let contract = self.contract()?;
        Some((contract, contract.exports.migration.as_ref()?))
    }

    /// Who uses it.
    pub(crate) fn in_use(&self) -> InUse {
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        InUse { assignments: count(&self.assignments), instances: count(&self.alive) }
    }

    /// Whether it can turn a configuration of an earlier version into one of its own.
    pub fn migrates(&self) -> bool {
        self.migration().is_some()
    }

    /// Asks it to do so, with every capability denied.
    ///
    /// Runs the guest for 50 ms at most.
    ///
    /// # Errors
    ///
    /// Why there is no such configuration, in the plugin's words or ours.
    pub(crate) fn migrate(&self, from_version: &str, config_json: &str) -> Result<String, String> {
        let (contract, migration) = self.migration().ok_or("it does not migrate configurations")?;
        let run = alone(contract.plain.component(), |guest, store| {
            migration.load(&mut *store, guest)?.call_migrate(store, from_version, config_json)
        });
        run.map_err(|error| error.root_cause().to_string())?.0
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
    language: Language,
) -> Result<Plugin, AdmissionError> {
    let contract = |error: wasmtime::Error| AdmissionError::Contract(format!("{error:#}"));
    refuse_other_versions(component)?;
    let plain = linkers.plain.instantiate_pre(component).map_err(contract)?;
    let suspending = linkers.suspending.instantiate_pre(component).map_err(contract)?;
    let exports = exports(component, &plain)?;
    if exports.phases.iter().all(Option::is_none) {
        return Err(AdmissionError::Contract("it exports none of the phases of the contract".into()));
    }
    let (info, repeats, cost) = describe(component, &plain, &exports)?;
    let kind = component.component_type();
    let imports = kind.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    component.initialize_copy_on_write_image().map_err(contract)?;
    let info = PluginInfo::check(info)?;
    Ok(Plugin {
        digest,
        info,
        language,
        arena: 0,
        repeats,
        cost,
        imports,
        linked: Linked::Contract(Box::new(Contract { plain, suspending, exports })),
        alive: Arc::default(),
        assignments: AtomicU32::new(0),
        pinned: Arc::default(),
    })
}

/// Links a compiled function, which its metadata describe.
pub(crate) fn function(
    linker: &Linker<FunctionState>,
    component: &Component,
    digest: String,
    (language, info): (Language, PluginInfo),
) -> Result<Plugin, AdmissionError> {
    let contract = |error: wasmtime::Error| AdmissionError::Contract(format!("{error:#}"));
    let linked = linker.instantiate_pre(component).and_then(ProxyPre::new).map_err(contract)?;
    let kind = component.component_type();
    let imports = kind.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    component.initialize_copy_on_write_image().map_err(contract)?;
    Ok(Plugin {
        digest,
        info,
        language,
        arena: 0,
        repeats: Phases::default(),
        cost: Cost::default(),
        imports,
        linked: Linked::Function(linked),
        alive: Arc::default(),
        assignments: AtomicU32::new(0),
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
        Phase::Function => None,
    };
    let mut phases = [None; Phase::ALL.len()];
    for (place, phase) in phases.iter_mut().zip(Phase::ALL) {
        let Some((interface, function)) = exported_as(phase) else { continue };
        *place = index(component, interface, function, mismatch(phase))?;
    }
    let exported =
        |name: &str| component.get_export_index(None, format!("weir:plugin/{name}@0.1.0").as_str());
    let migration = exported("config-migration").map(|_| config_migration::GuestIndices::new(pre));
    let repeatable = exported("repeatable").map(|_| repeatable::GuestIndices::new(pre));
    let migration = migration.transpose().map_err(contract)?;
    let repeatable = repeatable.transpose().map_err(contract)?;
    Ok(Exports { lifecycle, migration, repeatable, phases })
}

/// The interface of a phase and its one function, if it is one of the contract.
fn exported_as(phase: Phase) -> Option<(&'static str, &'static str)> {
    Some(match phase {
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
        Phase::Function => return None,
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

/// What it says about itself, and the phases whose verdicts may be given again.
fn describe(
    component: &Component,
    pre: &InstancePre<CallState>,
    exports: &Exports,
) -> Result<(meta::PluginInfo, Phases, Cost), AdmissionError> {
    let meta =
        meta::GuestIndices::new(pre).map_err(|error| AdmissionError::Contract(format!("{error:#}")))?;
    let ((said, repeats), cost) = alone(component, |guest, store| {
        let said = meta.load(&mut *store, guest)?.call_describe(&mut *store)?;
        let repeats = match &exports.repeatable {
            Some(repeatable) => repeatable.load(&mut *store, guest)?.call_repeatable_phases(store)?,
            None => Vec::new(),
        };
        Ok((said, repeats))
    })
    .map_err(|error| AdmissionError::Describe(error.root_cause().to_string()))?;
    Ok((said, repeats.into_iter().map(Phase::from).collect(), cost))
}
