//! Field rules in the form in which `/schemas/…` answers them.
//!
//! The names are Kong's attributes; custom checks have none and are left out.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::check::{Check, When};
use super::field::{Field, Fields, Shape};
use super::kind::{Kind, Variant};
use super::record::OnDelete;
use super::rule::{Pattern, Rule};

impl Kind {
    /// The answer of `/schemas/{kind}`.
    #[must_use]
    pub fn described(&self) -> Value {
        let mut out = fields(&self.fields);
        out.insert("entity_checks".to_owned(), checks(&self.fields.checks));
        if !self.shorthands.is_empty() {
            let list: Vec<Value> =
                self.shorthands.iter().map(|short| json!({ short.name: field(&short.field) })).collect();
            out.insert("shorthand_fields".to_owned(), list.into());
        }
        Value::Object(out)
    }
}

impl Variant {
    /// The answer of `/schemas/plugins/{name}`.
    #[must_use]
    pub fn described(&self) -> Value {
        let list: Vec<Value> = self.fields.iter().map(|(name, rule)| json!({ *name: field(rule) })).collect();
        json!({ "fields": list, "entity_checks": checks(&self.checks) })
    }
}

fn fields(rules: &Fields) -> Map<String, Value> {
    let one = |(name, rule): &(Cow<'static, str>, Field)| json!({ name.as_ref(): field(rule) });
    let (old, list): (Vec<_>, Vec<_>) = rules.list.iter().partition(|(_, rule)| rule.replaced_by.is_some());
    let mut out = Map::new();
    out.insert("fields".to_owned(), list.into_iter().map(one).collect());
    if !old.is_empty() {
        out.insert("shorthand_fields".to_owned(), old.into_iter().map(one).collect());
    }
    out
}

fn field(rule: &Field) -> Map<String, Value> {
    let mut out = shape(rule);
    let mut put = |name: &str, value: Value| _ = out.insert(name.to_owned(), value);
    for (name, on) in [("required", rule.required), ("unique", rule.unique), ("auto", rule.auto)] {
        if on {
            put(name, true.into());
        }
    }
    if let Some(value) = &rule.default {
        put("default", value.clone());
    }
    if rule.on_delete == OnDelete::Cascade {
        put("on_delete", "cascade".into());
    }
    rule.notes.iter().for_each(|note| put(note, true.into()));
    if let Some(err) = &rule.err {
        put("err", err.as_str().into());
    }
    if let Some(path) = &rule.replaced_by {
        let message = format!("deprecated, please use {} instead", path.join("."));
        put("deprecation", json!({ "message": message, "replaced_with": [{ "path": path }] }));
    }
    rule.rules.iter().filter_map(attribute).for_each(|(name, value)| put(name, value));
    out
}

/// The type, and the rules of what is inside.
fn shape(rule: &Field) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| _ = out.insert(name.to_owned(), value);
    let name = match &rule.shape {
        Shape::String => "string",
        Shape::Integer => "integer",
        Shape::Number => "number",
        Shape::Boolean => "boolean",
        Shape::Json => "json",
        Shape::Array(elements) => {
            put("elements", field(elements).into());
            "array"
        }
        Shape::Set(elements) => {
            put("elements", field(elements).into());
            "set"
        }
        Shape::Map { keys, values } => {
            put("keys", field(keys).into());
            put("values", field(values).into());
            "map"
        }
        Shape::Foreign(target) => {
            put("reference", (*target).into());
            "foreign"
        }
        Shape::Record(below) => {
            if rule.open {
                put("abstract", true.into());
            } else {
                fields(below).into_iter().for_each(|(name, value)| put(&name, value));
            }
            if !below.checks.is_empty() {
                put("entity_checks", checks(&below.checks));
            }
            "record"
        }
    };
    put("type", name.into());
    out
}

fn attribute(rule: &Rule) -> Option<(&'static str, Value)> {
    Some(match rule {
        Rule::Eq(value) => ("eq", value.clone()),
        Rule::Ne(value) => ("ne", value.clone()),
        Rule::NotOneOf(values) => ("not_one_of", values.clone().into()),
        Rule::OneOf(values) => ("one_of", values.clone().into()),
        Rule::Gt(limit) => ("gt", number(*limit)),
        Rule::Lt(limit) => ("lt", number(*limit)),
        Rule::AtLeast(limit) => ("between", vec![number(*limit), "inf".into()].into()),
        Rule::AtMost(limit) => ("between", vec!["-inf".into(), number(*limit)].into()),
        Rule::Timestamp => ("timestamp", true.into()),
        Rule::Uuid => ("uuid", true.into()),
        Rule::Between(low, high) => ("between", vec![number(*low), number(*high)].into()),
        Rule::LenEq(length) => ("len_eq", (*length).into()),
        Rule::LenMin(length) => ("len_min", (*length).into()),
        Rule::LenMax(length) => ("len_max", (*length).into()),
        Rule::StartsWith(prefix) => ("starts_with", prefix.as_str().into()),
        Rule::MatchNone(list) => ("match_none", patterns(list)),
        Rule::Match(pattern) => ("match", pattern.source.as_str().into()),
        Rule::MatchAll(list) => ("match_all", patterns(list)),
        Rule::MatchAny { patterns, err } => {
            let sources: Vec<&str> = patterns.iter().map(|pattern| pattern.source.as_str()).collect();
            let mut inner = Map::new();
            inner.insert("patterns".to_owned(), json!(sources));
            inner.extend(err.iter().map(|err| ("err".to_owned(), err.as_str().into())));
            ("match_any", inner.into())
        }
        Rule::Contains(value) => ("contains", value.clone()),
        Rule::Elements(rules) => {
            let inner: Map<String, Value> =
                rules.iter().filter_map(attribute).map(|(name, value)| (name.to_owned(), value)).collect();
            ("elements", inner.into())
        }
        Rule::Exclusive(sets) => ("mutually_exclusive_subsets", json!(sets)),
        Rule::Text(_) | Rule::Whole(_) | Rule::Schema(_) => return None,
    })
}

fn patterns(list: &[(Pattern, String)]) -> Value {
    list.iter().map(|(pattern, err)| json!({ "pattern": pattern.source, "err": err })).collect()
}

/// Whole numbers are printed without a fraction.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
}

fn checks(list: &[Check]) -> Value {
    list.iter().map(check).collect()
}

fn check(check: &Check) -> Value {
    match check {
        Check::AtLeastOneOf(names) => json!({ "at_least_one_of": names }),
        Check::OnlyOneOf(names) => json!({ "only_one_of": names }),
        Check::Distinct(names) => json!({ "distinct": names }),
        Check::MutuallyRequired(names) => json!({ "mutually_required": names }),
        Check::MutuallyExclusive(names) => json!({ "mutually_exclusive": names }),
        Check::Conditional { when, then_field, then, err } => {
            let mut then_match = rules(&then.rules);
            if then.required {
                then_match.insert("required".to_owned(), true.into());
            }
            let mut inner = condition(when);
            inner.insert("then_field".to_owned(), then_field.as_str().into());
            inner.insert("then_match".to_owned(), then_match.into());
            if let Some(err) = err {
                inner.insert("then_err".to_owned(), err.as_str().into());
            }
            json!({ "conditional": inner })
        }
        Check::ConditionalAtLeastOneOf { when, then, err, otherwise } => {
            let mut inner = condition(when);
            inner.insert("then_at_least_one_of".to_owned(), json!(then));
            if let Some(err) = err {
                inner.insert("then_err".to_owned(), err.as_str().into());
            }
            if let Some((names, err)) = otherwise {
                inner.insert("else_match".to_owned(), json!({}));
                inner.insert("else_then_at_least_one_of".to_owned(), json!(names));
                inner.insert("else_then_err".to_owned(), err.as_str().into());
            }
            json!({ "conditional_at_least_one_of": inner })
        }
        Check::Custom { fields, .. } => json!({ "custom_entity_check": { "field_sources": fields } }),
    }
}

fn condition(when: &When) -> Map<String, Value> {
    let mut inner = Map::new();
    inner.insert("if_field".to_owned(), when.field.as_str().into());
    inner.insert("if_match".to_owned(), rules(&when.rules).into());
    inner
}

fn rules(list: &[Rule]) -> Map<String, Value> {
    list.iter().filter_map(attribute).map(|(name, value)| (name.to_owned(), value)).collect()
}
