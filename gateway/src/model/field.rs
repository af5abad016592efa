//! Field rules: what one field of an entity may hold.
//!
//! A rule is data. Kinds write it with the builders below, a plugin's JSON Schema is turned into the
//! same form, and one engine validates, completes and prints it. It deliberately knows no kind.

use std::borrow::Cow;

use serde_json::Value;

use super::check::Check;
use super::record::OnDelete;
use super::rule::{Pattern, Rule, TextCheck};

/// The note of a field whose value may stand in a vault.
pub(super) const REFERENCEABLE: &str = "referenceable";

/// What one field may hold.
#[derive(Debug, Clone)]
pub struct Field {
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) default: Option<Value>,
    pub(super) unique: bool,
    pub(super) auto: bool,
    pub(super) rules: Vec<Rule>,
    /// Replaces the text of any violation.
    pub(super) err: Option<String>,
    pub(super) on_delete: OnDelete,
    /// Printed, and mostly without effect here: `referenceable`, `encrypted`.
    pub(super) notes: Vec<&'static str>,
    /// Sealed where it is kept.
    pub(super) secret: bool,
    /// The rules come from elsewhere (the plugin); here any record will do.
    pub(super) open: bool,
    /// It is an old name: where its value stands now, within the same record.
    pub(super) replaced_by: Option<Vec<String>>,
}

/// The type of a field.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    String,
    Integer,
    Number,
    Boolean,
    Array(Box<Field>),
    Set(Box<Field>),
    Map {
        keys: Box<Field>,
        values: Box<Field>,
    },
    Record(Box<Fields>),
    Foreign(&'static str),
    /// Any JSON value: what the rules say decides.
    Json,
}

/// The fields of a record or an entity, in the order in which they are declared.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    pub(super) list: Vec<(Cow<'static, str>, Field)>,
    pub(super) checks: Vec<Check>,
}

impl Fields {
    /// The rules of the field called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.list.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    /// The rules of the field at a dotted path: `config.redis.host`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Field> {
        match path.split_once('.') {
            None => self.get(path),
            Some((head, rest)) => self.get(head)?.record()?.at(rest),
        }
    }

    /// Puts `field` in the place of the one of the same name, or behind the last one.
    pub(super) fn put(&mut self, name: impl Into<Cow<'static, str>>, field: Field) {
        let name = name.into();
        match self.list.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = field,
            None => self.list.push((name, field)),
        }
    }

    pub(super) fn with(mut self, name: &'static str, field: Field) -> Self {
        self.put(name, field);
        self
    }

    pub(super) fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}

impl Field {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            required: false,
            default: None,
            unique: false,
            auto: false,
            rules: Vec::new(),
            err: None,
            on_delete: OnDelete::Restrict,
            notes: Vec::new(),
            secret: false,
            open: false,
            replaced_by: None,
        }
    }

    /// The fields below, if this is a record.
    #[must_use]
    pub fn record(&self) -> Option<&Fields> {
        match &self.shape {
            Shape::Record(fields) => Some(fields),
            Shape::String
            | Shape::Integer
            | Shape::Number
            | Shape::Boolean
            | Shape::Array(_)
            | Shape::Set(_)
            | Shape::Map { .. }
            | Shape::Foreign(_)
            | Shape::Json => None,
        }
    }

    pub(super) fn noted(mut self, note: &'static str) -> Self {
        self.notes.push(note);
        self
    }

    pub(super) fn referenceable(self) -> Self {
        self.noted(REFERENCEABLE)
    }

    /// A secret, and Kong's schema says so.
    pub(super) fn encrypted(self) -> Self {
        self.noted("encrypted").secret()
    }

    /// A secret: sealed where it is kept, if the operator gave keys.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The dotted names of the secrets in a field called `name`.
    pub(super) fn secrets(&self, name: &str) -> Vec<String> {
        if self.secret {
            return vec![name.to_owned()];
        }
        let below = self.record().into_iter().flat_map(|fields| &fields.list);
        below.flat_map(|(below, field)| field.secrets(&format!("{name}.{below}"))).collect()
    }

    /// Adds a validator; they run in Kong's order, whatever the order of the calls.
    pub(super) fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self.rules.sort_by_key(Rule::rank);
        self
    }

    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    pub(super) fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    pub(super) fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    pub(super) fn auto(mut self) -> Self {
        self.auto = true;
        self
    }

    pub(super) fn cascade(mut self) -> Self {
        self.on_delete = OnDelete::Cascade;
        self
    }

    pub(super) fn between(self, low: i32, high: i32) -> Self {
        self.rule(Rule::Between(low.into(), high.into()))
    }

    pub(super) fn one_of<T: Into<Value> + Clone>(self, values: &[T]) -> Self {
        self.rule(Rule::OneOf(values.iter().cloned().map(Into::into).collect()))
    }

    pub(super) fn len_min(self, length: usize) -> Self {
        self.rule(Rule::LenMin(length))
    }

    pub(super) fn starts_with(self, prefix: &'static str) -> Self {
        self.rule(Rule::StartsWith(prefix.to_owned()))
    }

    /// `pattern` is a Lua pattern, as in Kong's schemas.
    pub(super) fn matches(self, pattern: &'static str) -> Self {
        self.rule(Rule::Match(Pattern::lua(pattern)))
    }

    pub(super) fn match_none(self, pattern: &'static str, err: &'static str) -> Self {
        self.rule(Rule::MatchNone(vec![(Pattern::lua(pattern), err.to_owned())]))
    }

    pub(super) fn match_all(self, pattern: &'static str, err: &'static str) -> Self {
        self.rule(Rule::MatchAll(vec![(Pattern::lua(pattern), err.to_owned())]))
    }

    pub(super) fn match_any(self, patterns: &[&'static str], err: &'static str) -> Self {
        let patterns = patterns.iter().map(|pattern| Pattern::lua(pattern)).collect();
        self.rule(Rule::MatchAny { patterns, err: Some(err.to_owned()) })
    }

    pub(super) fn text(self, check: TextCheck) -> Self {
        self.rule(Rule::Text(check))
    }
}

pub(super) fn string() -> Field {
    Field::new(Shape::String)
}

pub(super) fn integer() -> Field {
    Field::new(Shape::Integer)
}

pub(super) fn number() -> Field {
    Field::new(Shape::Number)
}

pub(super) fn boolean() -> Field {
    Field::new(Shape::Boolean)
}

pub(super) fn array(elements: Field) -> Field {
    Field::new(Shape::Array(Box::new(elements)))
}

pub(super) fn set(elements: Field) -> Field {
    Field::new(Shape::Set(Box::new(elements)))
}

pub(super) fn map(keys: Field, values: Field) -> Field {
    Field::new(Shape::Map { keys: Box::new(keys), values: Box::new(values) })
}

/// Records are required unless the kind says otherwise, so that a GET shows the whole structure.
pub(super) fn record(fields: Fields) -> Field {
    Field::new(Shape::Record(Box::new(fields))).required()
}

/// The same, and what it holds by itself is printed as its default.
pub(super) fn whole_record(fields: Fields) -> Field {
    let defaults =
        fields.list.iter().filter_map(|(name, field)| Some((name.to_string(), field.default.clone()?)));
    let defaults = Value::Object(defaults.collect());
    record(fields).default(defaults)
}

pub(super) fn foreign(target: &'static str) -> Field {
    Field::new(Shape::Foreign(target))
}

pub(super) fn json() -> Field {
    Field::new(Shape::Json)
}
