//! Snapshot lifetime: one plugin with one configuration, its limits, grants and failure policy.

mod assigned;
mod error;
mod failure;
mod grants;
mod host_rule;
mod limits;
mod parameters;
mod secrets;
mod spec;

pub use assigned::Assignment;
pub(crate) use assigned::{Core, LogBatch, Mode, Setup, next_uid};
pub use error::{AssignError, ConfigProblem};
pub use failure::CallFailure;
pub(crate) use grants::{CacheGrant, Granted, Grants, SharedGrant};
pub use limits::{Limits, OnFailure};
pub(crate) use secrets::Secret;
pub use spec::AssignmentSpec;
