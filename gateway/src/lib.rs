//! Weir: an API gateway whose every plugin is a sandboxed WebAssembly component.
//!
//! Data flows one way: rows ([`store`]) become a valid [`model`], the model becomes an immutable
//! [`snapshot`], and a request reads one snapshot from its head to its last byte ([`proxy`]).
//! The modules stand in layers; `tests/tidy/imports.rs` holds who may import whom.

pub mod expression;
pub mod sealing;
pub mod vault;

pub mod model;

pub mod clock;
pub mod declarative;
pub mod handover;
pub mod shared;
pub mod shutdown;
pub mod task;

pub mod config;
pub mod confinement;
pub mod exchange;
pub mod router;
pub mod store;
pub mod telemetry;
pub mod tls;

pub mod balancer;
pub mod client;
pub mod dns;
pub mod identity;

pub mod plugin_host;

pub mod rehearsal;
pub mod snapshot;

pub mod proxy;
pub mod registry;
pub mod reload;
pub mod upstreams;

pub mod admin;

pub mod app;
pub mod cli;
