//! Which target of an upstream gets a request.
//!
//! A [`Balancer`] stands for one upstream entity and outlives snapshots. It holds a [`Table`]: the
//! addresses, their weights, the order of the algorithm. A table is immutable and is replaced when the
//! entity, its targets or the addresses behind their names change. What is counted (health, requests in
//! flight, latency) belongs to the [`AddressState`], which goes from one table to the next as long as the
//! address stays.
//!
//! Everything here is called by every worker at once: it takes no lock, does not allocate to pick, and
//! never waits.
//!
//! Deliberately not here: names and probes (`upstreams` brings in what they find out), and connections.

mod address;
mod algorithm;
mod budget;
mod continuum;
mod health;
mod latency;
mod outlier;
mod pick;
mod rotation;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub use address::{AddressState, Health};
pub use budget::Budget;
pub use health::{HealthRules, Outcome, Thresholds};
pub use pick::{Balancer, Balancers, Lease, PickError, wait_until};
pub use rotation::{Cursors, Rotation};
pub use table::{HashSource, HashSources, Peer, Place, Table, TableSpec, TargetSpec};
pub use view::{AddressView, BalancerView, TargetState, TargetView};
