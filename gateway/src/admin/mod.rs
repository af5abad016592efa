//! The control API: Kong's Admin API, and `/custom-plugins` beside it. The only module that names axum.
//!
//! It writes entities to the store and reads how the node is doing; it deliberately touches neither
//! snapshot nor data plane. `paths/` lists every path, `dispatch.rs` every handler.
//! `access/` says who may call; `guarded.rs` how far a caller sees and reaches.

mod access;
mod answer;
mod audit;
mod body;
mod call;
mod consumer_groups;
mod custom_plugins;
mod declarative;
mod dispatch;
mod entities;
mod error;
mod form;
mod guarded;
mod information;
mod log_level;
mod openapi;
mod paths;
mod plugins;
mod protocols;
mod redactor;
mod route_test;
mod schemas;
mod serve;
mod state;
mod status;
pub mod status_listener;
mod tags;
mod target_health;
mod targets;
mod tls_listener;
mod tokens;
mod trace;
mod unavailable;
mod unread;

#[cfg(test)]
mod tests;

pub use access::Peer;
pub use declarative::{DbLess, StartFault, declare_at_start};
use error::ApiError;
pub use route_test::RouteQuestion;
pub use serve::{router, serve};
pub use state::{
    AdminSettings, AdminState, Components, Draft, Later, LocalView, NodeLinks, NodeReport, Unfit,
};
