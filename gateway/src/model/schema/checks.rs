//! `x-checks` of a schema: Kong's entity checks, written as in Kong's schemas.

use serde_json::{Map, Value};

use super::SchemaFault;
use crate::model::check::{Check, Then, When};
use crate::model::rule::{Pattern, Rule};

/// The checks of `schema`; field names get `prefix` unless they have it.
pub(super) fn read(schema: &Value, prefix: &str) -> Result<Vec<Check>, SchemaFault> {
    match schema.get("x-checks") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|check| one(check, prefix)).collect(),
        Some(_) => Err(fault("x-checks is a list")),
    }
}

fn fault(text: impl Into<String>) -> SchemaFault {
    SchemaFault::at("/x-checks", "schema_invalid", text)
}

fn one(check: &Value, prefix: &str) -> Result<Check, SchemaFault> {
    let Some((name, body)) = check.as_object().and_then(|map| map.iter().next()) else {
        return Err(fault("each of x-checks is an object with one key"));
    };
    let fields = || names(body, prefix);
    match name.as_str() {
        "at_least_one_of" => Ok(Check::AtLeastOneOf(fields()?)),
        "only_one_of" => Ok(Check::OnlyOneOf(fields()?)),
        "distinct" => Ok(Check::Distinct(fields()?)),
        "mutually_required" => Ok(Check::MutuallyRequired(fields()?)),
        "mutually_exclusive" => Ok(Check::MutuallyExclusive(fields()?)),
        "conditional" => conditional(body, prefix),
        "conditional_at_least_one_of" => Ok(Check::ConditionalAtLeastOneOf {
            when: when(body, prefix)?,
            then: names(body.get("then_at_least_one_of").unwrap_or(&Value::Null), prefix)?,
            err: text(body, "then_err"),
            otherwise: None,
        }),
        other => Err(fault(format!("there is no check called {other}"))),
    }
}

fn conditional(body: &Value, prefix: &str) -> Result<Check, SchemaFault> {
    let field = text(body, "then_field").ok_or_else(|| fault("conditional needs then_field"))?;
    let then = body.get("then_match").and_then(Value::as_object);
    let then = then.ok_or_else(|| fault("conditional needs then_match"))?;
    Ok(Check::Conditional {
        when: when(body, prefix)?,
        then_field: prefixed(&field, prefix),
        then: Then {
            required: then.get("required").and_then(Value::as_bool).unwrap_or(false),
            rules: rules(then)?,
        },
        err: text(body, "then_err"),
    })
}

fn when(body: &Value, prefix: &str) -> Result<When, SchemaFault> {
    let field = text(body, "if_field").ok_or_else(|| fault("a conditional check needs if_field"))?;
    let matches = body.get("if_match").and_then(Value::as_object);
    let matches = matches.ok_or_else(|| fault("a conditional check needs if_match"))?;
    Ok(When { field: prefixed(&field, prefix), rules: rules(matches)? })
}

fn rules(matches: &Map<String, Value>) -> Result<Vec<Rule>, SchemaFault> {
    let mut out = Vec::new();
    for (name, value) in matches {
        let list = || value.as_array().cloned().ok_or_else(|| fault(format!("{name} is a list")));
        let number = || value.as_f64().ok_or_else(|| fault(format!("{name} is a number")));
        let length = || {
            let found = value.as_u64().and_then(|length| usize::try_from(length).ok());
            found.ok_or_else(|| fault(format!("{name} is a length")))
        };
        out.push(match name.as_str() {
            "required" => continue,
            "eq" => Rule::Eq(value.clone()),
            "ne" => Rule::Ne(value.clone()),
            "one_of" => Rule::OneOf(list()?),
            "not_one_of" => Rule::NotOneOf(list()?),
            "gt" => Rule::Gt(number()?),
            "len_eq" => Rule::LenEq(length()?),
            "len_min" => Rule::LenMin(length()?),
            "len_max" => Rule::LenMax(length()?),
            "contains" => Rule::Contains(value.clone()),
            "match" => Rule::Match(Pattern::lua(value.as_str().unwrap_or_default())),
            "between" => match list()?.as_slice() {
                [low, high] => Rule::Between(
                    low.as_f64().unwrap_or(f64::NEG_INFINITY),
                    high.as_f64().unwrap_or(f64::INFINITY),
                ),
                _ => return Err(fault("between is a list of two numbers")),
            },
            other => return Err(fault(format!("a check cannot match by {other}"))),
        });
    }
    Ok(out)
}

fn names(value: &Value, prefix: &str) -> Result<Vec<String>, SchemaFault> {
    let list = value.as_array().ok_or_else(|| fault("a check names its fields in a list"))?;
    list.iter()
        .map(|name| name.as_str().map(|name| prefixed(name, prefix)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| fault("the names of fields are strings"))
}

fn prefixed(name: &str, prefix: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

fn text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}
