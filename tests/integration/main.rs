//! Scenarios: a real gateway process between real sockets, seen only from outside.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON in tests: a missing field is null, and the assertion shows it"
)]

mod admin_access;
mod admin_api;
mod admin_audit;
mod admission;
mod authoring;
mod bodies;
mod capabilities;
mod compiling;
mod confinement;
mod costly;
mod deck;
mod drain;
mod framing;
mod functions;
mod hostile_config;
mod hostile_uploads;
mod http2;
mod http2_attacks;
mod isolation;
mod outage;
mod outbound;
mod proxying;
mod sealing;
mod seeing;
mod setup;
mod signing;
mod trailers;
mod upgrades;
mod vaults;
mod versions;
mod walking;
