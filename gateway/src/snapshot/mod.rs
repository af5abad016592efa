//! Everything that one request needs, compiled and immutable.
//!
//! [`build`] is a pure function of the configuration, the prepared plugins and the snapshot before;
//! what did not change is taken over from there. One broken object does not stop a snapshot: it
//! becomes a [`Fault`], its place fails as its failure policy says, the rest goes live.
//!
//! Deliberately not here: consumers and credentials (`identity` looks them up), health, counters
//! and warm instances (they belong to what outlives a snapshot), and all reading and waiting.

mod assigned;
mod build;
mod chains;
mod configuration;
mod fault;
mod handle;
mod materials;
mod on_streams;
mod plan;
mod routes;
mod scopes;
mod served;

#[cfg(test)]
mod tests;

pub use assigned::{Assigned, AssignedPlugins};
pub use build::build;
pub use configuration::{Configuration, Entity};
pub use fault::Fault;
pub use handle::SnapshotHandle;
pub use plan::{Destination, RoutePlan, Snapshot, Surroundings, Upstream};
