//! The references in a configuration: texts in fields whose value may stand in a vault.

use serde_json::Value;

use super::check::is_reference;
use super::field::{Field, REFERENCEABLE, Shape};

/// Calls `each` on every reference in a field that may hold one.
///
/// # Errors
///
/// The first that `each` gives.
pub fn for_each_reference<E>(
    rules: &Field,
    value: &mut Value,
    each: &mut dyn FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    walk(rules, value, false, each)
}

/// `noted`: the field around this one says so for all that is in it.
fn walk<E>(
    rules: &Field,
    value: &mut Value,
    noted: bool,
    each: &mut dyn FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    let noted = noted || rules.notes.contains(&REFERENCEABLE);
    match (&rules.shape, value) {
        (Shape::Record(fields), Value::Object(map)) => fields.list.iter().try_for_each(|(name, field)| {
            map.get_mut(name.as_ref()).map_or(Ok(()), |value| walk(field, value, noted, each))
        }),
        (Shape::Array(elements) | Shape::Set(elements), Value::Array(list)) => {
            list.iter_mut().try_for_each(|value| walk(elements, value, noted, each))
        }
        (Shape::Map { values, .. }, Value::Object(map)) => {
            map.values_mut().try_for_each(|value| walk(values, value, noted, each))
        }
        (_, value) => match value {
            Value::String(_) if noted && is_reference(value) => match value {
                Value::String(text) => each(text),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    Ok(())
                }
            },
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::schema::from_json_schema;

    #[test]
    fn references_are_found_where_they_may_stand() {
        let text = |note: bool| json!({ "type": "string", "x-referenceable": note });
        let schema = json!({ "type": "object", "properties": {
            "yes": text(true), "no": text(false),
            "map": { "type": "object", "additionalProperties": text(true) },
            "list": { "type": "array", "items": text(true) },
            "record": { "type": "object", "properties": { "deep": text(true) } },
        } });
        let rules = from_json_schema(&schema).unwrap();
        let reference = "{vault://env/x}";
        let mut config = json!({ "yes": reference, "no": reference, "map": { "a": reference, "b": "plain" },
            "list": [reference], "record": { "deep": reference } });
        let mut count = 0;
        for_each_reference::<()>(&rules, &mut config, &mut |text| {
            count += 1;
            *text = format!("value {count}");
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 4);
        assert_eq!(config["no"], reference, "it may not hold one, and keeps its text");
        assert_eq!(config["map"]["b"], "plain");
        assert!(config["record"]["deep"].as_str().unwrap().starts_with("value"));
        assert_eq!(for_each_reference(&rules, &mut json!({ "yes": reference }), &mut |_| Err(1)), Err(1));
    }
}
