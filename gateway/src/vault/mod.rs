//! Values that stand elsewhere: `{vault://…}` references, and where they lead.
//!
//! A reference names a vault and a place in it. A vault is the environment of this process or files
//! below folders that the operator allows, as they are or under the prefix of a `vaults` entity. Values
//! are kept for a while and looked at again, so that a secret that changes goes live by itself. It
//! deliberately does not know which fields may hold a reference, and logs no value.

mod lifetimes;
mod reference;
mod source;
mod vaults;

pub use reference::Reference;
pub use source::{Places, Source};
pub use vaults::{VaultEntity, VaultError, Vaults};
