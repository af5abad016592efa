//! Request head in, route out: Kong's `traditional_compatible` rules and its expressions over an index.
//!
//! Routes are ranked once, when a table of them is built. A look-up walks a host table and a trie of
//! path prefixes, so that its cost grows with the length of host and path and not with the number
//! of routes; it allocates only for a path that is not in normal form and for regex captures. An
//! expression stands in the same index, by the hosts and prefixes that it cannot do without. Streams
//! have a router of their own.
//!
//! Deliberately not here: protocols (an https-only route is found for an http request, and the
//! proxy answers), services, plugins, and anything that reads or writes.

mod conditions;
mod explain;
mod host;
mod host_table;
mod input;
mod layer;
mod normalize;
mod patterns;
mod priority;
mod search;
mod stream;
mod trie;
mod upstream;
mod variants;

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;

pub use explain::{Verdict, explain};
pub use input::{RouteIndex, RouteInput, RouteMatch};
pub use normalize::normalize_path;
pub use search::{RouteProblem, Router};
pub use stream::{StreamInput, StreamRouter, Transport};
pub use upstream::upstream_path;
