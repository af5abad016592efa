//! WebAssembly components: loading them, and calling them within limits.
//!
//! Three lifetimes. The process has one engine, its clock, and room for so many instances
//! ([`Host`]). A snapshot has [`Assignment`]s, plugins with a configuration, in [`Chain`]s. A call
//! has one instance, taken from the worker's own warm ones ([`Instances`]) or made for it.
//!
//! Nothing in here knows what a plugin does, and nothing a plugin does harms more than its own
//! call: guest time, wall time, memory, handles, calls into the gateway and everything that it
//! leaves behind are bounded, each answer is checked whole before any of it is applied, and an
//! instance that did not end a call in order is never used again.

mod adapters;
mod assignment;
mod bindings;
mod bundled;
mod chain;
mod conduct;
mod direction;
mod function;
mod guest;
mod host;
mod imports;
mod inputs;
mod instances;
mod load;
mod logs;
mod metrics;
mod recent;
mod repeats;
mod runtime;
mod settings;
#[cfg(test)]
mod tests;
mod trial;
mod trust;
mod verify;

pub(crate) use assignment::is_public;
pub use assignment::{
    AssignError, Assignment, AssignmentSpec, CallFailure, Cause, ConfigProblem, FailurePolicy, GrantedValues,
    Hidden, Limits, OnFailure,
};
pub use chain::{
    Caller, Canary, Chain, Collected, Filter, Flow, Placement, Rank, ResponseFlow, Run, Share, Slot,
};
pub use conduct::{ConductReport, Conducted};
pub use direction::Direction;
pub use function::{FunctionCall, FunctionHead, FunctionRequest};
pub(crate) use host::Services;
pub use host::{Admitted, Host, StartError};
pub use imports::{HISTOGRAM_BOUNDS, PluginSeries};
pub use instances::Instances;
pub use load::{
    AdmissionError, CapabilityRequest, Cost, InUse, Language, LoadError, Package, Phase, Plugin, PluginInfo,
    Provenance, compile_child,
};
pub use metrics::{CallOutcome, CallStats, NamedSeries};
pub use recent::{LogLine, RecentLog};
pub use runtime::Fuel;
pub use settings::{
    Answer, Directory, FoundCredential, HostDeps, HostSettings, Outbound, OutboundError, OutboundRequest,
    OutboundResponse,
};
pub use trial::{Spent, Trial};
pub use trust::{KeyError, SignError, SignaturePolicy, Standing, Trust, TrustedKey, read_signature, sign};

/// Wall-clock time in Unix milliseconds.
fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
