//! What an operator can say, valid by construction.
//!
//! A value of these types has passed its kind's rules. Each kind is described once, in its file of
//! `kinds/`; the engine around it validates, completes, prints and records any of them. No I/O and
//! nothing async in here.

mod catalog;
mod check;
mod complete;
mod describe;
mod field;
mod file_schema;
mod form;
mod formats;
mod json_schema;
mod kind;
mod kinds;
mod lua;
mod making;
mod moment;
mod pem;
pub mod protocols;
mod record;
mod redaction;
mod references;
mod renamed;
mod rule;
pub mod schema;
mod validate;
mod violations;

#[cfg(test)]
mod tests;

pub use catalog::{BadRow, Catalog};
pub use check::value_at;
pub use field::{Field, Fields};
pub use json_schema::Direction;
pub use kind::{Composite, EXPIRES_AT, Foreign, Kind, Listed, Variant, id_of};
pub use kinds::{
    ADMIN_ROLES, ActiveChecks, AddressRule, Admitted, Algorithm, CAPABILITIES, CaCertificate, Canary,
    CanaryBy, Certificate, ConfigProblem, Consumer, CustomPlugin, HashOn, HealthChecks, HealthyRule,
    PassiveChecks, PathHandling, Plugin, PluginVersion, ProbeKind, Protocol, Refusal, RequestedCapability,
    Rollback, Route, Service, Sni, Target, UnhealthyRule, Upstream, admin_token_digest, allow_expressions,
    held_plugin, kind, kinds, new_admin_token,
};
pub use lua::table as lua_table;
pub use moment::Moment;
pub use pem::subject_name;
pub use record::{Document, Link, OnDelete, Record, UniqueKey};
pub use redaction::REDACTED;
pub use references::for_each_reference;
pub use rule::is_uuid;
pub use violations::Violations;
