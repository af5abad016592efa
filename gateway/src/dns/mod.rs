//! Names of hosts and what they lead to.
//!
//! A [`Name`] is asked for once and then kept up to date in the background, by the lifetime of its
//! records, for as long as somebody holds it. A request reads the newest answer without a lock and without
//! waiting; only a name that was never looked up is worth a wait. While the resolver is away the last good
//! answer stays, for as long as Kong's `dns_stale_ttl` says.
//!
//! Deliberately not here: connections, and what to make of several addresses beyond their turn.

mod counts;
mod failure;
mod keeper;
mod lookup;
mod name;
mod names;

#[cfg(test)]
mod tests;

pub use counts::NameCounts;
pub use failure::DnsFailure;
pub use name::{Answer, Name, Picked, Record};
pub use names::Names;
