//! Kong's templates, compiled once: text with `$(expression)` in it.
//!
//! Kong runs the expressions as Lua. Here they are what its documentation shows: fields of
//! `headers`, `query_params`, `uri_captures` and `shared`, texts in quotes, `or` and `..`. Anything
//! else is refused when the plugin is configured, not when a request comes.

mod expression;

use std::borrow::Cow;

use weir_plugin_sdk::{InputList, Inputs};

use expression::Expression;

/// A compiled template.
#[derive(Debug, PartialEq)]
pub(crate) struct Template(Vec<Expression>);

impl Template {
    /// Compiles `text` and asks for the inputs that it needs.
    ///
    /// # Errors
    ///
    /// What cannot be understood.
    pub(crate) fn compile(text: &str, inputs: &mut InputList) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$(") {
            let (inner, after) =
                expression::balanced(after).ok_or_else(|| format!("`$({after}` has no end"))?;
            if !before.is_empty() {
                parts.push(Expression::text(before));
            }
            parts.push(Expression::parse(inner, inputs)?);
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Expression::text(rest));
        }
        Ok(Self(parts))
    }

    /// The text, if it is the same for every request.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [Expression::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for one request; a value that is not there is empty.
    pub(crate) fn render<'a>(&'a self, inputs: &'a Inputs) -> Cow<'a, [u8]> {
        match self.0.as_slice() {
            [only] => only.value(inputs).unwrap_or_default(),
            parts => Cow::Owned(parts.iter().filter_map(|part| part.value(inputs)).fold(
                Vec::new(),
                |mut text, part| {
                    text.extend_from_slice(&part);
                    text
                },
            )),
        }
    }
}

#[cfg(test)]
mod tests;
