//! What Kong's router flavour `expressions` adds to routes.

use serde_json::Value;

use crate::expression::{Expression, Fields};
use crate::model::check::custom;
use crate::model::field::{integer, string};
use crate::model::kind::Kind;
use crate::model::record::Document;
use crate::model::rule::Rule;

/// `2^46 - 1`: Kong keeps the number in the lower bits of another one.
const MOST_PRIORITY: f64 = 70_368_744_177_663.0;

/// Attributes that an expression takes the place of.
const ATTRIBUTES: [&str; 7] = ["methods", "hosts", "paths", "headers", "snis", "sources", "destinations"];

const FAILED: &str = "Router Expression failed validation: ";
const OTHERS: &str =
    "'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations' simultaneously";

/// Adds the two fields and what is asked of them.
pub(super) fn extend(kind: Kind) -> Kind {
    let mut read = vec!["protocols", "expression", "regex_priority", "priority"];
    read.extend(ATTRIBUTES);
    kind.field("expression", string())
        .field("priority", integer().rule(Rule::Between(0.0, MOST_PRIORITY)).required().default(0))
        .check(custom(&read, check))
}

fn check(route: &Document) -> Result<(), String> {
    let expression = route.get("expression").and_then(Value::as_str);
    let others = ATTRIBUTES.iter().any(|name| is_set(route.get(*name)));
    let number = |name: &str| route.get(name).and_then(Value::as_i64).unwrap_or(0);
    let Some(expression) = expression else {
        return match others && number("priority") != 0 {
            true => Err(format!("{FAILED}cannot set 'priority' with {OTHERS}")),
            false => Ok(()),
        };
    };
    if others {
        return Err(format!("{FAILED}cannot set 'expression' with {OTHERS}"));
    }
    if number("regex_priority") != 0 {
        return Err(format!("{FAILED}cannot set 'regex_priority' with 'expression' simultaneously"));
    }
    Expression::parse(expression, fields(route)).map_err(|error| format!("{FAILED}{error}"))?;
    Ok(())
}

fn is_set(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    }
}

/// Protocols of requests and of streams never come together.
fn fields(route: &Document) -> Fields {
    let protocols = route.get("protocols").and_then(Value::as_array);
    let first = protocols.and_then(|list| list.first()).and_then(Value::as_str);
    match first {
        Some("tcp" | "tls" | "udp" | "tls_passthrough") => Fields::Stream,
        Some(_) | None => Fields::Http,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::route;
    use super::*;

    /// What the flavour says of a route with these fields.
    fn verdict(fields: &Value) -> Result<(), String> {
        check(fields.as_object().unwrap())
    }

    #[test]
    fn an_expression_stands_alone() {
        for (fields, want) in [
            (json!({"expression": "http.path ^= \"/a\"", "priority": 3}), Ok(())),
            (json!({"paths": ["/a"], "regex_priority": 3}), Ok(())),
            (json!({"protocols": ["tcp"], "expression": "net.dst.port == 9000"}), Ok(())),
            (
                json!({"expression": "http.path ^= \"/a\"", "paths": ["/a"]}),
                Err(format!("{FAILED}cannot set 'expression' with {OTHERS}")),
            ),
            (
                json!({"expression": "http.path ^= \"/a\"", "regex_priority": 1}),
                Err(format!("{FAILED}cannot set 'regex_priority' with 'expression' simultaneously")),
            ),
            (
                json!({"priority": 1, "hosts": ["a.com"]}),
                Err(format!("{FAILED}cannot set 'priority' with {OTHERS}")),
            ),
            (json!({"expression": "a == 1"}), Err(format!("{FAILED}Unknown LHS field"))),
            (
                json!({"expression": "http.path =="}),
                Err(format!(
                    "{FAILED} --> 1:13\n  |\n1 | http.path ==\n  |             ^---\n  |\n  = expected rhs"
                )),
            ),
            (
                json!({"expression": "http.path.segments.1_1 == \"a\""}),
                Err(format!("{FAILED}illformed http.path.segments.* field")),
            ),
        ] {
            assert_eq!(verdict(&fields), want, "{fields}");
        }
    }

    #[test]
    fn the_schema_has_two_more_fields_and_only_in_this_flavour() {
        let named = |expressions: bool, name: &str| route::kind(expressions).fields().get(name).is_some();
        for name in ["expression", "priority"] {
            assert!(named(true, name) && !named(false, name), "{name}");
        }
    }
}
