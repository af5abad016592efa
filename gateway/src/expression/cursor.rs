//! A place in the text of an expression.

use super::ExpressionError;

/// A place in the text that moves on as parts of it are understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    /// Moves over white space.
    pub(super) fn skip_space(&mut self) {
        let rest = self.rest();
        let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.advance(rest.len() - text.len());
    }

    /// Moves over `token` if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    /// Moves over what `wanted` lets pass, and gives it.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|letter| !wanted(letter)).unwrap_or(rest.len());
        self.advance(end);
        rest.get(..end).unwrap_or_default()
    }

    /// Something else was expected here.
    pub(super) fn expected(&self, what: &str) -> ExpressionError {
        ExpressionError::expected(self.text, self.at, what)
    }

    /// What lies between `from` and here cannot be used.
    pub(super) fn unusable(&self, from: usize, why: &str) -> ExpressionError {
        ExpressionError::unusable(self.text, (from, self.at), why)
    }
}
