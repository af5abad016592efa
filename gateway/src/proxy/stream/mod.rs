//! Streams: connections of TCP and TLS, and datagrams, that are passed on unread.
//!
//! A stream is routed by where it comes from, where it went to, and the name that a TLS client gives, as in
//! Kong's stream module. From there on it is bytes: no plugin sees them. Balancing, names and health of
//! targets are those of requests.

mod error;
mod flow;
mod hello;
mod newcomers;
mod reach;
mod session;
mod tcp;
mod udp;

#[cfg(test)]
mod fuzz_tests;

pub(super) use newcomers::Newcomers;
pub(super) use tcp::serve;
pub(super) use udp::datagrams;
