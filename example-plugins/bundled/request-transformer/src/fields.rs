//! Edits of named fields: those of the query, and those of a body.
//!
//! A body comes in a later call than the inputs of its head, so the values of templates are handed from one to the
//! other.

use std::borrow::Cow;

use weir_plugin_sdk::{ConfigProblem, InputList, Inputs};

use crate::config::split;
use crate::template::Template;

/// What is done to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Remove,
    Rename,
    Replace,
    Add,
    Append,
}

/// What a configuration says of fields, in the order in which Kong follows it.
pub(crate) type Rules<'a> = [(Action, &'a Vec<String>); 5];

/// The compiled edits.
#[derive(Default)]
pub(crate) struct FieldEdits(Vec<Step>);

struct Step {
    action: Action,
    name: String,
    /// The new name or the value; none for what is removed.
    value: Option<Template>,
}

/// One edit for one request.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    pub(crate) action: Action,
    pub(crate) name: &'a str,
    /// The new name or the value.
    pub(crate) value: Cow<'a, [u8]>,
}

impl Action {
    /// Where the configuration speaks of it.
    fn place(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Replace => "replace",
            Self::Add => "add",
            Self::Append => "append",
        }
    }
}

impl FieldEdits {
    /// Compiles the rules for `what`, a field of the configuration.
    pub(crate) fn compile(
        what: &str,
        rules: Rules<'_>,
        inputs: &mut InputList,
        problems: &mut Vec<ConfigProblem>,
    ) -> Self {
        let pairs = rules.into_iter().flat_map(|(action, pairs)| {
            pairs.iter().enumerate().map(move |(at, pair)| (action, at, pair.as_str()))
        });
        let steps = pairs.filter_map(|(action, at, pair)| {
            let pointer = format!("/{}/{what}/{at}", action.place());
            let refused = |message: String| problems.push(ConfigProblem::new(&pointer, &message));
            Step::compile(action, pair, inputs).map_err(refused).ok()
        });
        Self(steps.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The edits for one request.
    pub(crate) fn for_request<'a>(&'a self, inputs: &'a Inputs) -> Vec<Edit<'a>> {
        let rendered = |template: &'a Template| template.render(inputs);
        self.0.iter().map(|step| step.edit(step.value.as_ref().map(rendered))).collect()
    }

    /// The values that are not the same for every request, in order.
    pub(crate) fn values(&self, inputs: &Inputs) -> Vec<String> {
        let rendered = |template: &Template| String::from_utf8_lossy(&template.render(inputs)).into_owned();
        self.templates().map(rendered).collect()
    }

    /// The edits for the request that these values are of.
    pub(crate) fn with_values<'a>(&'a self, values: &'a [String]) -> Vec<Edit<'a>> {
        let mut values = values.iter();
        let mut value = |template: &'a Template| {
            let fixed = template.fixed();
            Cow::Borrowed(fixed.or_else(|| values.next().map(String::as_bytes)).unwrap_or_default())
        };
        self.0.iter().map(|step| step.edit(step.value.as_ref().map(&mut value))).collect()
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().filter_map(|step| step.value.as_ref()).filter(|template| template.fixed().is_none())
    }
}

impl Step {
    fn compile(action: Action, pair: &str, inputs: &mut InputList) -> Result<Self, String> {
        let (name, value) = split(pair);
        let value = match (action, value) {
            (Action::Remove, _) => None,
            (_, Some(value)) => Some(Template::compile(value, inputs)?),
            // In Kong's words.
            (_, None) => return Err(format!("key '{name}' has no value")),
        };
        Ok(Self { action, name: name.into(), value })
    }

    fn edit<'a>(&'a self, value: Option<Cow<'a, [u8]>>) -> Edit<'a> {
        Edit { action: self.action, name: &self.name, value: value.unwrap_or_default() }
    }
}

impl Edit<'_> {
    /// The new name or the value as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}
