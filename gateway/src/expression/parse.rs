//! From text to syntax, by recursive descent.
//!
//! As in Kong's engine `||` binds tighter than `&&`: `a && b || c` is `a && (b || c)`. Parentheses make
//! it plain, and they alone may have a `!` before them.

use regex::bytes::RegexBuilder;

use super::cursor::Cursor;
use super::literal::literal;
use super::syntax::{Comparison, Operator, Syntax, Value};
use super::{Expression, ExpressionError};

/// Bytes of a compiled regex.
const MAX_REGEX: usize = 1 << 20;

/// Longer ones before those that they begin with.
const OPERATORS: [(&str, Operator); 11] = [
    ("==", Operator::Equals),
    ("!=", Operator::NotEquals),
    ("~", Operator::Matches),
    ("^=", Operator::StartsWith),
    ("=^", Operator::EndsWith),
    (">=", Operator::AtLeast),
    (">", Operator::Greater),
    ("<=", Operator::AtMost),
    ("<", Operator::Less),
    ("in", Operator::In),
    ("contains", Operator::Contains),
];

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Syntax, ExpressionError> {
    if text.len() > Expression::MAX_LENGTH {
        return Err(ExpressionError::Meaning("the expression is longer than 16 KiB"));
    }
    let mut cursor = Cursor::new(text);
    let syntax = expression(&mut cursor, 0)?;
    if cursor.is_at_end() { Ok(syntax) } else { Err(cursor.expected("EOI, and_op, or or_op")) }
}

fn expression(cursor: &mut Cursor<'_>, depth: usize) -> Result<Syntax, ExpressionError> {
    let mut all = vec![alternatives(cursor, depth)?];
    while cursor.take("&&") {
        all.push(alternatives(cursor, depth)?);
    }
    Ok(one_or(all, Syntax::All))
}

fn alternatives(cursor: &mut Cursor<'_>, depth: usize) -> Result<Syntax, ExpressionError> {
    let mut any = vec![term(cursor, depth)?];
    while cursor.take("||") {
        any.push(term(cursor, depth)?);
    }
    Ok(one_or(any, Syntax::Any))
}

fn one_or(mut list: Vec<Syntax>, more: fn(Vec<Syntax>) -> Syntax) -> Syntax {
    match (list.pop(), list.is_empty()) {
        (Some(one), true) => one,
        (last, _) => {
            list.extend(last);
            more(list)
        }
    }
}

/// A comparison, or an expression in parentheses; and the white space around it.
fn term(cursor: &mut Cursor<'_>, depth: usize) -> Result<Syntax, ExpressionError> {
    cursor.skip_space();
    let begin = *cursor;
    let not = cursor.take("!");
    cursor.skip_space();
    let syntax = if cursor.take("(") {
        if depth >= Expression::MAX_DEPTH {
            return Err(cursor.unusable(begin.at(), "parentheses are nested too deeply"));
        }
        let within = expression(cursor, depth + 1)?;
        if !cursor.take(")") {
            return Err(cursor.expected("and_op or or_op"));
        }
        if not { Syntax::Not(Box::new(within)) } else { within }
    } else if not {
        return Err(begin.expected("term"));
    } else {
        Syntax::Comparison(comparison(cursor)?)
    };
    cursor.skip_space();
    Ok(syntax)
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, ExpressionError> {
    let Left { field, lower, any } = left(cursor, 0)?;
    cursor.skip_space();
    let operator = operator(cursor)?;
    cursor.skip_space();
    let from = cursor.at();
    let value = literal(cursor)?;
    let value = if operator == Operator::Matches { pattern(cursor, from, value)? } else { value };
    Ok(Comparison { field, lower, any, operator, value })
}

/// The left side of a comparison.
struct Left {
    field: String,
    lower: bool,
    any: bool,
}

fn left(cursor: &mut Cursor<'_>, depth: usize) -> Result<Left, ExpressionError> {
    let begin = *cursor;
    let name = name(cursor).ok_or_else(|| begin.expected(if depth == 0 { "term" } else { "lhs" }))?;
    let mut after = *cursor;
    after.skip_space();
    if !after.take("(") {
        return Ok(Left { field: name.to_owned(), lower: false, any: false });
    }
    *cursor = after;
    cursor.skip_space();
    if depth >= Expression::MAX_DEPTH {
        return Err(cursor.unusable(begin.at(), "parentheses are nested too deeply"));
    }
    let within = left(cursor, depth + 1)?;
    cursor.skip_space();
    if !cursor.take(")") {
        return Err(begin.expected("term"));
    }
    match name {
        "lower" => Ok(Left { lower: true, ..within }),
        "any" => Ok(Left { any: true, ..within }),
        other => Err(cursor.unusable(begin.at(), &format!("unknown transformation function: {other}"))),
    }
}

fn name<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    cursor
        .rest()
        .starts_with(|first: char| first.is_ascii_alphabetic())
        .then(|| cursor.take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.')))
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Operator, ExpressionError> {
    if let Some((_, operator)) = OPERATORS.into_iter().find(|(token, _)| cursor.take(token)) {
        return Ok(operator);
    }
    let begin = *cursor;
    if cursor.take("not") {
        cursor.skip_space();
        if cursor.take("in") {
            return Ok(Operator::NotIn);
        }
    }
    Err(begin.expected("binary_operator"))
}

fn pattern(cursor: &Cursor<'_>, from: usize, value: Value) -> Result<Value, ExpressionError> {
    let Value::Text(text) = value else {
        return Err(cursor.unusable(from, "regex operator can only be used with String operands"));
    };
    let regex = RegexBuilder::new(&text).size_limit(MAX_REGEX).build();
    regex.map(Value::Pattern).map_err(|error| cursor.unusable(from, &error.to_string()))
}
