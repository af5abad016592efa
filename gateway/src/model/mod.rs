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
mod form;
mod formats;
mod kind;
mod kinds;
mod lua;
mod making;
mod moment;
mod pem;
mod record;
mod redaction;
mod references;
mod rule;
pub mod schema;
mod validate;
mod violations;

#[cfg(test)]
mod tests;

pub use catalog::{BadRow, Catalog};
pub use check::value_at;
pub use field::{Field, Fields};
pub use kind::{Composite, EXPIRES_AT, Foreign, Kind, Listed, Variant, id_of};
pub use kinds::{
    ADMIN_ROLES, Admitted, CAPABILITIES, Canary, CanaryBy, ConfigProblem, Consumer, CustomPlugin,
    PathHandling, Plugin, PluginVersion, Protocol, Refusal, RequestedCapability, Rollback, Route, Service,
    admin_token_digest, kind, kinds, new_admin_token,
};
pub use lua::table as lua_table;
pub use moment::Moment;
pub use record::{Document, Link, OnDelete, Record, UniqueKey};
pub use redaction::REDACTED;
pub use references::for_each_reference;
pub use rule::is_uuid;
pub use violations::Violations;
