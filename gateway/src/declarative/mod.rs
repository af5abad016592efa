//! Kong's declarative format: a text becomes entities, entities become a text, and two sets of them
//! are compared.
//!
//! A file is read in steps: `text` parses it, `flatten` lifts nested entities out of their parents,
//! `complete` gives each its id, finds what it refers to and asks its kind's rules. All that is wrong
//! comes back in one answer ([`Faults`]), with path and line. No I/O in here, and nothing of one kind
//! alone: the kinds are described in [`model`](crate::model).

mod compare;
mod complete;
mod editor;
mod fault;
mod flatten;
mod identify;
mod index;
mod lines;
mod plugins;
mod print;
mod protocols;
mod stored;
mod text;

#[cfg(test)]
mod tests;

pub use compare::{Plan, Scope, compare};
pub use complete::{Declared, Reading, read};
pub use editor::editor_schema;
pub use fault::{Fault, Faults, Step};
pub use plugins::PluginRules;
pub use print::print;
pub use stored::Stored;
pub use text::{EMPTY_HASH, hash};

use crate::model::{Kind, kinds};

/// Kinds that a file does not speak of: there is one workspace, and components are uploaded.
const OUTSIDE: [&str; 2] = ["workspaces", "custom_plugins"];
/// Kinds that come and go with requests, and are no configuration.
const PASSING: [&str; 2] = ["oauth2_authorization_codes", "oauth2_tokens"];

/// The kinds that a file may hold, parents before children.
pub fn declared_kinds() -> impl Iterator<Item = &'static Kind> {
    kinds().iter().filter(|kind| !OUTSIDE.contains(&kind.name))
}

/// The names of all kinds that have to be read to compare a file with them.
#[must_use]
pub fn stored_kinds() -> Vec<&'static str> {
    declared_kinds().map(|kind| kind.name).chain(["custom_plugins"]).collect()
}
