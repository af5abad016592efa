//! From a database change to a published snapshot.
//!
//! One loop: wait for a revision, read what changed, bring the plugins to life, build, publish, say
//! so. Whatever fails, the snapshot that is live stays, the [`Report`] says why, and the loop tries
//! again after a growing, jittered pause. A node that starts while the database is away serves the
//! last good configuration from its disk.
//!
//! Deliberately not here: what a snapshot is made of (`snapshot`), how components run
//! (`plugin_host`), and anything on the path of a request.

mod backoff;
mod blobs;
mod certificates;
mod cycle;
mod plugins;
mod report;
mod retired;
mod rows;
mod saver;
mod trials;

#[cfg(test)]
mod tests;

pub use cycle::{Reload, ReloadParts};
pub use report::{Report, Reports};
