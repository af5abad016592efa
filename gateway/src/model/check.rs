//! Checks over several fields of one entity, with Kong's texts.
//!
//! They run on the completed entity. A check is skipped when one of its fields already has an error.

use serde_json::{Map, Value};

use super::field::Fields;
use super::record::Document;
use super::rule::{Rule, length};
use super::violations::{REQUIRED, put_at};
use crate::vault::Reference;

/// A check over several fields. Field names may be dotted paths.
#[derive(Debug, Clone)]
pub(super) enum Check {
    AtLeastOneOf(Vec<String>),
    OnlyOneOf(Vec<String>),
    Distinct(Vec<String>),
    MutuallyRequired(Vec<String>),
    MutuallyExclusive(Vec<String>),
    Conditional {
        when: When,
        then_field: String,
        then: Then,
        err: Option<String>,
    },
    ConditionalAtLeastOneOf {
        when: When,
        then: Vec<String>,
        err: Option<String>,
        otherwise: Option<(Vec<String>, String)>,
    },
    /// What no other check can say. It is not asked while one of the fields is a reference to a vault.
    Custom {
        fields: Vec<String>,
        run: fn(&Document) -> Result<(), String>,
    },
}

/// The condition of a conditional check: the field obeys all these rules.
#[derive(Debug, Clone)]
pub(super) struct When {
    pub(super) field: String,
    pub(super) rules: Vec<Rule>,
}

/// What the other field must obey then.
#[derive(Debug, Clone, Default)]
pub(super) struct Then {
    pub(super) required: bool,
    pub(super) rules: Vec<Rule>,
}

/// Whether an entity is made or changed: three texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    Insert,
    Update,
}

impl Check {
    /// Runs the check. Errors go to `errors`, texts about the whole into its `@entity`.
    pub(super) fn run(
        &self,
        fields: &Fields,
        entity: &Document,
        writing: Writing,
        errors: &mut Map<String, Value>,
    ) {
        if self.fields().iter().any(|field| has_error(errors, field)) {
            return;
        }
        if let Err(text) = self.verdict(fields, entity, writing, errors)
            && let Some(list) =
                errors.entry("@entity").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()
        {
            list.push(Value::String(text));
        }
    }

    fn verdict(
        &self,
        fields: &Fields,
        entity: &Document,
        writing: Writing,
        errors: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let count = |names: &[String]| names.iter().filter(|name| non_empty(entity, name)).count();
        let fail = |good: bool, text: &str, names: &[String]| match good {
            true => Ok(()),
            false => Err(format!("{text}: {}", quoted(names))),
        };
        match self {
            Self::AtLeastOneOf(names) => at_least_one_of(entity, names, None, writing),
            Self::OnlyOneOf(names) => {
                fail(count(names) == 1, "exactly one of these fields must be non-empty", names)
            }
            Self::MutuallyRequired(names) => fail(
                [0, names.len()].contains(&count(names)),
                "all or none of these fields must be set",
                names,
            ),
            Self::MutuallyExclusive(names) => {
                fail(count(names) <= 1, "only one or none of these fields must be set", names)
            }
            Self::Distinct(names) => {
                fail(distinct(entity, names), "values of these fields must be distinct", names)
            }
            Self::Conditional { when, then_field, then, err } => {
                if !when.holds(fields, entity) {
                    return Ok(());
                }
                let Err(text) = then.check(fields, entity, then_field) else {
                    return Ok(());
                };
                put_at(errors, then_field, Value::String(text));
                Err(err.clone().unwrap_or_else(|| {
                    format!("failed conditional validation given value of field '{}'", when.field)
                }))
            }
            Self::ConditionalAtLeastOneOf { when, then, err, otherwise } => match otherwise {
                _ if when.holds(fields, entity) => at_least_one_of(entity, then, err.as_deref(), writing),
                Some((names, err)) => at_least_one_of(entity, names, Some(err), writing),
                None => Ok(()),
            },
            Self::Custom { fields, run } => {
                let elsewhere = |field: &String| value_at(entity, field).is_some_and(is_reference);
                if fields.iter().any(elsewhere) { Ok(()) } else { run(entity) }
            }
        }
    }

    /// The fields that the check reads.
    fn fields(&self) -> Vec<&str> {
        match self {
            Self::AtLeastOneOf(names)
            | Self::OnlyOneOf(names)
            | Self::Distinct(names)
            | Self::MutuallyRequired(names)
            | Self::MutuallyExclusive(names) => names.iter().map(String::as_str).collect(),
            Self::Conditional { when, then_field, .. } => vec![&when.field, then_field],
            Self::ConditionalAtLeastOneOf { when, then, .. } => {
                then.iter().chain([&when.field]).map(String::as_str).collect()
            }
            Self::Custom { fields, .. } => fields.iter().map(String::as_str).collect(),
        }
    }
}

impl When {
    /// As in Kong, a null meets every condition but a required or an `eq`.
    fn holds(&self, fields: &Fields, entity: &Document) -> bool {
        obeys(fields, entity, &self.field, &self.rules).is_ok()
    }
}

impl Then {
    fn check(&self, fields: &Fields, entity: &Document, field: &str) -> Result<(), String> {
        if self.required && value_at(entity, field).is_none_or(Value::is_null) {
            return Err(REQUIRED.to_owned());
        }
        obeys(fields, entity, field, &self.rules)
    }
}

/// The rules of a condition are laid over those of the field itself, so a required field that is
/// null fails either way.
fn obeys(fields: &Fields, entity: &Document, field: &str, rules: &[Rule]) -> Result<(), String> {
    match value_at(entity, field) {
        None | Some(Value::Null) => null_obeys(rules, fields.at(field).is_some_and(|rule| rule.required)),
        Some(value) => rules.iter().try_for_each(|rule| rule.check(value)),
    }
}

fn null_obeys(rules: &[Rule], required: bool) -> Result<(), String> {
    let told = rules.iter().find_map(Rule::check_null);
    told.unwrap_or_else(|| if required { Err(REQUIRED.to_owned()) } else { Ok(()) })
}

fn at_least_one_of(
    entity: &Document,
    names: &[String],
    err: Option<&str>,
    writing: Writing,
) -> Result<(), String> {
    if names.iter().any(|name| non_empty(entity, name)) {
        return Ok(());
    }
    let text = err.map_or_else(
        || format!("at least one of these fields must be non-empty: {}", quoted(names)),
        |text| text.replace("%s", &quoted(names)),
    );
    Err(match writing {
        Writing::Insert => text,
        Writing::Update => format!("when updating, {text}"),
    })
}

fn distinct(entity: &Document, names: &[String]) -> bool {
    let values: Vec<&Value> =
        names.iter().filter_map(|name| value_at(entity, name)).filter(|value| !value.is_null()).collect();
    values.iter().enumerate().all(|(at, value)| !values.iter().skip(at + 1).any(|other| other == value))
}

fn non_empty(entity: &Document, path: &str) -> bool {
    match value_at(entity, path) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(_) | Value::Number(_)) => true,
        Some(value @ (Value::String(_) | Value::Array(_) | Value::Object(_))) => length(value) > 0,
    }
}

/// The value at a dotted path: `config.redis.host`.
#[must_use]
pub fn value_at<'a>(entity: &'a Document, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => entity.get(path),
        Some((head, rest)) => value_at(entity.get(head)?.as_object()?, rest),
    }
}

fn has_error(errors: &Map<String, Value>, path: &str) -> bool {
    match (errors.get(path), path.split_once('.')) {
        (Some(_), _) => true,
        (None, None) => false,
        (None, Some((head, rest))) => match errors.get(head) {
            None => false,
            Some(Value::Object(below)) => has_error(below, rest),
            Some(_) => true,
        },
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Whether a value stands in a vault: `{vault://env/name}`.
pub(super) fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(Reference::is_meant)
}

/// Names as the checks hold them.
pub(super) fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

/// A check of its own over `fields`.
pub(super) fn custom(fields: &[&str], run: fn(&Document) -> Result<(), String>) -> Check {
    Check::Custom { fields: names(fields), run }
}

/// `if_field` obeys `rules` -> `then_field` must obey `then`.
pub(super) fn conditional(if_field: &str, rules: Vec<Rule>, then_field: &str, then: Vec<Rule>) -> Check {
    Check::Conditional {
        when: When { field: if_field.to_owned(), rules },
        then_field: then_field.to_owned(),
        then: Then { required: false, rules: then },
        err: None,
    }
}
