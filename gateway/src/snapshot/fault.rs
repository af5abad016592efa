//! One broken object.

use std::fmt;

/// An object that does not work as configured, and why. The Admin API and the metrics show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Kind of the entity.
    pub kind: String,
    /// Its id as text; a row that cannot be read may have an odd one.
    pub id: String,
    /// What is wrong with it, and what that means for requests.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.id, self.message)
    }
}
