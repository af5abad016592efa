//! Keeps balancers up to date: with the configuration, with the addresses behind names, and with what
//! probes find out.
//!
//! [`Upstreams::follow`] takes over a configuration and gives the balancers that requests pick from;
//! what is unchanged stays as it is, and what is counted for an address stays with it. A task of its own
//! takes over new answers to names, and each upstream with active checks has a task that probes.
//!
//! Deliberately not here: how a target is picked (`balancer`), and anything on the path of a request.

mod follow;
mod kept;
mod probe;

#[cfg(test)]
mod tests;

pub use follow::Upstreams;
