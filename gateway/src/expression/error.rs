//! What is wrong with an expression, in the form in which Kong's engine says it.

/// What is wrong with an expression. The text points at the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It cannot be read.
    #[error("{0}")]
    Syntax(String),
    /// It can be read, but makes no sense.
    #[error("{0}")]
    Meaning(&'static str),
}

impl ExpressionError {
    /// At `at` something else was expected.
    pub(super) fn expected(text: &str, at: usize, what: &str) -> Self {
        Self::Syntax(pointing(text, at, "^---", &format!("expected {what}")))
    }

    /// The bytes from `from` to `to` cannot be used.
    pub(super) fn unusable(text: &str, (from, to): (usize, usize), why: &str) -> Self {
        let width = text.get(from..to).map_or(1, |part| part.chars().count());
        let mark = match width {
            0 | 1 => "^".to_owned(),
            more => format!("^{}^", "-".repeat(more - 2)),
        };
        Self::Syntax(pointing(text, from, &mark, why))
    }
}

/// The line with a mark below the place, as compilers do it.
fn pointing(text: &str, at: usize, mark: &str, why: &str) -> String {
    let before = text.get(..at).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count();
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let margin = " ".repeat(number.to_string().len());
    let indent = " ".repeat(column);
    format!(
        "{margin}--> {number}:{}\n{margin} |\n{number} | {line}\n{margin} | {indent}{mark}\n{margin} |\n{margin} = {why}",
        column + 1
    )
}
