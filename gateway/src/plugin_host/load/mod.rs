//! From bytes to a plugin: admission, compilation in a confined process, artifacts on disk.

mod artifact;
mod compile;
pub mod compile_child;
mod describe;
mod error;
mod phase;
mod plugin;
mod precompiled;
mod scan;

pub(crate) use artifact::Artifacts;
pub(crate) use compile::Compiler;
pub use describe::{CapabilityRequest, PluginInfo};
pub use error::{AdmissionError, LoadError};
pub use phase::Phase;
pub(crate) use phase::Phases;
pub(crate) use plugin::dry_run;
pub use plugin::{Cost, Plugin};
pub(crate) use precompiled::load as precompiled;
pub(crate) use scan::scan;
