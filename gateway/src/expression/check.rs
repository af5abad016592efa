//! From syntax to comparisons whose types fit, with the texts of Kong's engine.

use super::field::{Field, NoField, Type};
use super::predicate::{Node, NumberTest, Predicate, Test, TextTest};
use super::syntax::{Comparison, Operator, Syntax, Value};
use super::{ExpressionError, Fields};

const MISMATCH: &str = "Type mismatch between the LHS and RHS values of predicate";
const LOWER: &str = "lower-case transformation function only supported with String type fields";
const REGEX: &str = "Regex operators only supports string operands";
const ENDS: &str = "Regex/Prefix/Postfix operators only supports string operands";
const ORDER: &str = "Greater/GreaterOrEqual/Lesser/LesserOrEqual operators only supports integer operands";
const IN: &str = "In/NotIn operators only supports IP in CIDR";
const CONTAINS: &str = "Contains operator only supports string operands";

/// Looks names up and checks types.
pub(super) fn check(syntax: Syntax, fields: Fields) -> Result<Node, ExpressionError> {
    let list =
        |parts: Vec<Syntax>| parts.into_iter().map(|part| check(part, fields)).collect::<Result<Vec<_>, _>>();
    match syntax {
        Syntax::All(parts) => list(parts).map(Node::All),
        Syntax::Any(parts) => list(parts).map(Node::Any),
        Syntax::Not(part) => check(*part, fields).map(|part| Node::Not(Box::new(part))),
        Syntax::Comparison(comparison) => predicate(comparison, fields).map(Node::Test),
    }
}

fn predicate(comparison: Comparison, fields: Fields) -> Result<Predicate, ExpressionError> {
    let Comparison { field, lower, any, operator, value } = comparison;
    let field = Field::find(&field, fields).map_err(|none| match none {
        NoField::Unknown => ExpressionError::Meaning("Unknown LHS field"),
        NoField::Segments => ExpressionError::Meaning("illformed http.path.segments.* field"),
    })?;
    let kind = field.kind();
    let free = matches!(operator, Operator::Matches | Operator::In | Operator::NotIn);
    if !free && !fits(kind, &value) {
        return Err(ExpressionError::Meaning(MISMATCH));
    }
    if lower && kind != Type::Text {
        return Err(ExpressionError::Meaning(LOWER));
    }
    let test = test(kind, operator, value).map_err(ExpressionError::Meaning)?;
    Ok(Predicate { field, lower, any, test })
}

fn fits(kind: Type, value: &Value) -> bool {
    match value {
        Value::Text(_) => kind == Type::Text,
        Value::Number(_) => kind == Type::Number,
        Value::Address(_) => kind == Type::Address,
        // A block is equal to nothing.
        Value::Pattern(_) | Value::Block(_) => false,
    }
}

fn test(kind: Type, operator: Operator, value: Value) -> Result<Test, &'static str> {
    use Operator as O;
    match (operator, value) {
        (O::Matches, Value::Pattern(regex)) if kind == Type::Text => Ok(Test::Pattern(regex)),
        (O::Matches, _) => Err(REGEX),
        (O::In, Value::Block(block)) if kind == Type::Address => Ok(Test::Block { block, inside: true }),
        (O::NotIn, Value::Block(block)) if kind == Type::Address => Ok(Test::Block { block, inside: false }),
        (O::In | O::NotIn, _) => Err(IN),
        (O::Equals, Value::Text(text)) => Ok(text_test(TextTest::Equals, text)),
        (O::NotEquals, Value::Text(text)) => Ok(text_test(TextTest::NotEquals, text)),
        (O::StartsWith, Value::Text(text)) => Ok(text_test(TextTest::StartsWith, text)),
        (O::EndsWith, Value::Text(text)) => Ok(text_test(TextTest::EndsWith, text)),
        (O::Contains, Value::Text(text)) => Ok(text_test(TextTest::Contains, text)),
        (O::Equals, Value::Number(number)) => Ok(Test::Number(NumberTest::Equals, number)),
        (O::NotEquals, Value::Number(number)) => Ok(Test::Number(NumberTest::NotEquals, number)),
        (O::AtLeast, Value::Number(number)) => Ok(Test::Number(NumberTest::AtLeast, number)),
        (O::Greater, Value::Number(number)) => Ok(Test::Number(NumberTest::Greater, number)),
        (O::AtMost, Value::Number(number)) => Ok(Test::Number(NumberTest::AtMost, number)),
        (O::Less, Value::Number(number)) => Ok(Test::Number(NumberTest::Less, number)),
        (O::Equals, Value::Address(address)) => Ok(Test::Address { address, equal: true }),
        (O::NotEquals, Value::Address(address)) => Ok(Test::Address { address, equal: false }),
        (O::StartsWith | O::EndsWith, _) => Err(ENDS),
        (O::AtLeast | O::Greater | O::AtMost | O::Less, _) => Err(ORDER),
        (O::Contains, _) => Err(CONTAINS),
        (O::Equals | O::NotEquals, _) => Err(MISMATCH),
    }
}

fn text_test(how: TextTest, text: String) -> Test {
    Test::Text(how, text.into_boxed_str())
}
