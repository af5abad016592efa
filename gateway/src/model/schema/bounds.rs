//! Bounds in a schema: of numbers, lengths and texts.

use serde_json::{Map, Value};

use super::SchemaFault;
use crate::model::field::{Field, Shape};
use crate::model::rule::{Pattern, Rule};

/// Bounds of numbers: those that are written, and those that a schemars format implies.
pub(super) fn ranges(mut field: Field, keywords: &Map<String, Value>) -> Field {
    if !matches!(field.shape, Shape::Integer | Shape::Number) {
        return field;
    }
    let of = |name: &str| keywords.get(name).and_then(Value::as_f64);
    let (implied_low, implied_high) = match keywords.get("format").and_then(Value::as_str) {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0.0), None),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    };
    let above = of("exclusiveMinimum");
    let low = of("minimum").or(implied_low.filter(|_| above.is_none()));
    let high = of("maximum")
        .or(implied_high.filter(|_| above.is_none() && of("minimum").is_none_or(|min| min == 0.0)));
    field = match (low, high) {
        (Some(low), Some(high)) => field.rule(Rule::Between(low, high)),
        (Some(low), None) => field.rule(Rule::AtLeast(low)),
        (None, Some(high)) => field.rule(Rule::AtMost(high)),
        (None, None) => field,
    };
    field = above.map_or(field.clone(), |limit| field.rule(Rule::Gt(limit)));
    of("exclusiveMaximum").map_or(field.clone(), |limit| field.rule(Rule::Lt(limit)))
}

/// Lengths, patterns and formats.
pub(super) fn texts(
    mut field: Field,
    keywords: &Map<String, Value>,
    pointer: &str,
) -> Result<Field, SchemaFault> {
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let (least, most) = match field.shape {
        Shape::String => (count("minLength"), count("maxLength")),
        Shape::Array(_) | Shape::Set(_) => (count("minItems"), count("maxItems")),
        Shape::Map { .. } => (count("minProperties"), count("maxProperties")),
        Shape::Integer
        | Shape::Number
        | Shape::Boolean
        | Shape::Record(_)
        | Shape::Foreign(_)
        | Shape::Json => return Ok(field),
    };
    if let Some(least) = least {
        field = field.len_min(least);
    }
    if let Some(most) = most {
        field = field.rule(Rule::LenMax(most));
    }
    if let Some(Value::String(source)) = keywords.get("pattern") {
        let pattern = Pattern::regex(source).ok_or_else(|| {
            SchemaFault::at(pointer, "schema_bad_pattern", format!("the pattern {source} cannot be used"))
        })?;
        field = field.rule(Rule::Match(pattern));
    }
    if keywords.get("format").and_then(Value::as_str) == Some("uuid") {
        field = field.rule(Rule::Uuid);
    }
    Ok(field)
}
