//! Who calls the Admin API, and what that caller may do.
//!
//! A call is judged before its handler runs: who it is (`identify.rs`), whether a page of some web site
//! sent it (`browser.rs`), and whether the role may do this (`role.rs`). What of the entities a caller
//! may see and change is settled where they are read and written, in `admin/guarded.rs`.

mod browser;
mod failures;
mod identify;
mod peer;
mod role;

pub(super) use identify::{Access, Caller, Denied};
pub use peer::Peer;
pub(super) use role::Role;
