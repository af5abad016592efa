//! Kong's expressions language: what a route of the flavour `expressions` asks of a request.
//!
//! A text is parsed and its types are checked once; what comes out can be asked for each request. Values
//! are bytes, since an unescaped path need not be UTF-8. Asking allocates only for `lower()`, for query
//! arguments and for ranges of segments, and never fails.
//!
//! Deliberately not here: routes, priorities, and where a request's values come from.

mod bounds;
mod check;
mod cursor;
mod error;
mod facts;
mod field;
mod literal;
mod parse;
mod predicate;
mod range;
mod syntax;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;

pub use bounds::{Bounds, literal_prefix};
pub use error::ExpressionError;
pub use facts::{Facts, Found, HttpFacts};
pub use range::AddressBlock;

use predicate::Node;

/// Which fields there are: those of requests, or those of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Routes of `http`, `https`, `grpc` and `grpcs`.
    Http,
    /// Routes of `tcp`, `tls`, `udp` and `tls_passthrough`.
    Stream,
}

/// An expression whose fields exist and whose types fit.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Node,
}

impl Expression {
    /// Bytes of the longest expression.
    pub const MAX_LENGTH: usize = 16 * 1024;
    /// Parentheses within parentheses.
    pub const MAX_DEPTH: usize = 32;

    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`] in the words of Kong's engine.
    pub fn parse(text: &str, fields: Fields) -> Result<Self, ExpressionError> {
        let root = parse::parse(text)?;
        check::check(root, fields).map(|root| Self { root })
    }

    /// Whether `facts` fulfil it.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.root.holds(facts, &mut None)
    }

    /// As [`Expression::holds`], with what of the path matched and with the groups of regexes.
    ///
    /// As in Kong, each comparison that comes true on the way leaves its trace, whatever becomes of the
    /// parentheses around it.
    pub fn find(&self, facts: &Facts<'_>) -> Option<Found> {
        let mut found = Some(Found::default());
        let holds = self.root.holds(facts, &mut found);
        found.filter(|_| holds)
    }

    /// Hosts and path prefixes, one of which each request that fulfils it has.
    pub fn bounds(&self) -> Bounds {
        self.root.bounds()
    }
}
