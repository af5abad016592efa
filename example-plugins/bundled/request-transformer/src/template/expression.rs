//! What stands between `$(` and `)`.

use std::borrow::Cow;

use weir_plugin_sdk::{Input, InputList, Inputs, Slot};

/// An expression that is text, or nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum Expression {
    Text(Vec<u8>),
    /// The first of these that is there.
    Field(Vec<Slot>),
    /// The first that is something.
    Or(Vec<Expression>),
    /// All of them, one after the other.
    Joined(Vec<Expression>),
}

impl Expression {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// `joined or joined or ..`, where joined is `primary .. primary .. ..`.
    pub(crate) fn parse(text: &str, inputs: &mut InputList) -> Result<Self, String> {
        let mut tokens = Tokens { rest: text.trim_start(), whole: text };
        let parsed = or(&mut tokens, inputs)?;
        if tokens.rest.is_empty() { Ok(parsed) } else { Err(tokens.problem()) }
    }

    pub(crate) fn value<'a>(&'a self, inputs: &'a Inputs) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Field(slots) => slots.iter().find_map(|slot| inputs.bytes(*slot)).map(Cow::Borrowed),
            Self::Or(choices) => choices.iter().find_map(|choice| choice.value(inputs)),
            Self::Joined(parts) => {
                let values = parts.iter().map(|part| part.value(inputs).unwrap_or_default());
                Some(Cow::Owned(values.flat_map(Cow::into_owned).collect()))
            }
        }
    }
}

/// Splits at the parenthesis that closes one that is open already. Quotes hide parentheses.
pub(crate) fn balanced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// The text that was not read yet.
struct Tokens<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl<'a> Tokens<'a> {
    fn skip(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else {
            return false;
        };
        self.rest = rest.trim_start();
        true
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest.trim_start();
        word
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next().filter(|c| *c == '\'' || *c == '"')?;
        let (inner, rest) = self.rest.strip_prefix(quote)?.split_once(quote)?;
        self.rest = rest.trim_start();
        (!inner.contains('\\')).then_some(inner)
    }

    fn problem(&self) -> String {
        format!(
            "`$({})` is not understood: a template may hold fields of headers, query_params, uri_captures and shared, \
             texts in quotes, `or` and `..`",
            self.whole
        )
    }
}

fn or(tokens: &mut Tokens<'_>, inputs: &mut InputList) -> Result<Expression, String> {
    let mut choices = vec![joined(tokens, inputs)?];
    while keyword_or(tokens) {
        choices.push(joined(tokens, inputs)?);
    }
    Ok(single(choices, Expression::Or))
}

/// `or` as a word, not as the beginning of one.
fn keyword_or(tokens: &mut Tokens<'_>) -> bool {
    let after = tokens.rest.strip_prefix("or");
    let is_word =
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    is_word && tokens.skip("or")
}

fn joined(tokens: &mut Tokens<'_>, inputs: &mut InputList) -> Result<Expression, String> {
    let mut parts = vec![primary(tokens, inputs)?];
    while tokens.skip("..") {
        parts.push(primary(tokens, inputs)?);
    }
    Ok(single(parts, Expression::Joined))
}

fn single(mut all: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    if all.len() > 1 {
        return several(all);
    }
    all.pop().unwrap_or(Expression::Text(Vec::new()))
}

fn primary(tokens: &mut Tokens<'_>, inputs: &mut InputList) -> Result<Expression, String> {
    if let Some(text) = tokens.quoted() {
        return Ok(Expression::text(text));
    }
    let table = tokens.word();
    let key = if tokens.skip(".") {
        tokens.word()
    } else if tokens.skip("[") {
        let key =
            if tokens.rest.starts_with(['\'', '"']) { tokens.quoted().unwrap_or("") } else { tokens.word() };
        if tokens.skip("]") { key } else { "" }
    } else {
        ""
    };
    let wanted = fields(table, key).filter(|_| !key.is_empty()).ok_or_else(|| tokens.problem())?;
    Ok(Expression::Field(wanted.into_iter().map(|input| inputs.want(input)).collect()))
}

fn fields(table: &str, key: &str) -> Option<Vec<Input>> {
    match table {
        // Lua names cannot hold hyphens, so Kong also looks a header up with hyphens for underscores.
        "headers" => {
            let name = key.to_ascii_lowercase();
            let hyphened = name.replace('_', "-");
            let mut names = vec![Input::Header(name.clone())];
            names.extend((hyphened != name).then_some(Input::Header(hyphened)));
            Some(names)
        }
        "query_params" => Some(vec![Input::QueryParam(key.into())]),
        "uri_captures" => Some(vec![Input::PathParam(key.into())]),
        "shared" => Some(vec![Input::Attribute(key.into())]),
        _ => None,
    }
}
