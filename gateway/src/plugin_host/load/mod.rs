//! From bytes to a plugin: admission, compilation in a confined process, artifacts on disk.

mod alone;
mod arena;
mod artifact;
mod compile;
pub mod compile_child;
mod describe;
mod error;
mod function;
mod language;
mod phase;
mod plugin;
mod precompiled;
mod provenance;
mod scan;

pub(crate) use arena::arena;
pub(crate) use artifact::Artifacts;
pub(crate) use compile::Compiler;
pub use describe::{CapabilityRequest, PluginInfo};
pub use error::{AdmissionError, LoadError};
pub(crate) use function::describe as describe_function;
pub use language::Language;
pub(crate) use language::language;
pub use phase::Phase;
pub(crate) use phase::Phases;
pub(crate) use plugin::{Contract, Linked, dry_run, function};
pub use plugin::{Cost, InUse, Plugin};
pub(crate) use precompiled::load as precompiled;
pub use provenance::{Package, Provenance};
pub(crate) use scan::{Written, scan};
