//! Scenarios: a real gateway process between real sockets, seen only from outside.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON in tests: a missing field is null, and the assertion shows it"
)]

mod admin_access;
mod admin_api;
mod admin_audit;
mod admin_sweep;
mod admin_tls;
mod admission;
mod authoring;
mod bad_requests;
mod balancing;
mod bodies;
mod bundled;
mod capabilities;
mod compiling;
mod confinement;
mod consumer_groups;
mod core_dumps;
mod costly;
mod deck;
mod declarative;
mod dns;
mod drain;
mod foreign;
mod framing;
mod functions;
mod h2spec;
mod health;
mod hostile_config;
mod hostile_uploads;
mod hostile_upstreams;
mod http2;
mod http2_attacks;
mod idle;
mod isolation;
mod kongs_suites;
mod kongs_tables;
mod openapi;
mod outage;
mod outbound;
mod outliers;
mod overload;
mod paths;
mod probes;
mod proxy_protocol;
mod proxying;
mod routing;
mod sealing;
mod seeing;
mod setup;
mod shared_health;
mod signing;
mod smuggling;
mod streams;
mod tls;
mod trailers;
mod upgrades;
mod upstream_tls;
mod vaults;
mod versions;
mod walking;
mod warming;
