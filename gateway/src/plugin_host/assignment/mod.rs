//! Snapshot lifetime: one plugin with one configuration, its limits, grants and failure policy.

mod assigned;
mod breaker;
mod conduct;
mod error;
mod failure;
mod granted_values;
mod grants;
mod hidden;
mod host_rule;
mod limits;
mod make;
mod parameters;
mod policy;
mod quota;
mod secrets;
mod spec;

pub use assigned::Assignment;
pub(crate) use assigned::{Core, LogBatch, Mode, Setup, next_uid};
pub(crate) use breaker::{Breaker, BreakerRules};
pub(crate) use conduct::Conduct;
pub use error::{AssignError, ConfigProblem};
pub use failure::CallFailure;
pub use granted_values::GrantedValues;
pub(crate) use grants::{CacheGrant, Granted, Grants, HttpGrant, SharedGrant};
pub use hidden::Hidden;
pub(crate) use host_rule::is_public;
pub use limits::Limits;
pub(crate) use make::{make, try_out};
pub use policy::{Cause, FailurePolicy, OnFailure};
pub(crate) use quota::{Quota, Rate};
pub(crate) use secrets::Secret;
pub use spec::AssignmentSpec;
