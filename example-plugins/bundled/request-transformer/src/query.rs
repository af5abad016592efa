//! Edits of the query. Parameters that are not touched stay as they were written, in their order.

use weir_plugin_sdk::{ConfigProblem, InputList, Inputs};

use crate::config::{Config, split};
use crate::template::Template;

/// The compiled edits.
#[derive(Default)]
pub(crate) struct QueryEdits(Vec<Step>);

enum Step {
    Remove(String),
    Rename(String, String),
    Replace(String, Template),
    Add(String, Template),
    Append(String, Template),
}

/// One parameter: its name decoded, and the pair as it will be sent.
struct Parameter {
    name: Vec<u8>,
    written: String,
}

impl QueryEdits {
    pub(crate) fn compile(
        config: &Config,
        inputs: &mut InputList,
        problems: &mut Vec<ConfigProblem>,
    ) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        steps.extend(config.remove.querystring.iter().map(|pair| Step::Remove(split(pair).0.into())));
        for pair in &config.rename.querystring {
            let (old, new) = split(pair);
            steps.extend(new.map(|new| Step::Rename(old.into(), new.into())));
        }
        let mut valued = |place: &str, pairs: &[String], step: fn(String, Template) -> Step| {
            let compiled = pairs.iter().enumerate().filter_map(|(at, pair)| {
                let (name, value) = split(pair);
                let pointer = format!("/{place}/querystring/{at}");
                let refused = |message: String| problems.push(ConfigProblem::new(&pointer, &message));
                let value = Template::compile(value?, inputs).map_err(refused).ok()?;
                Some(step(name.into(), value))
            });
            steps.extend(compiled);
        };
        valued("replace", &config.replace.querystring, Step::Replace);
        valued("add", &config.add.querystring, Step::Add);
        valued("append", &config.append.querystring, Step::Append);
        Self(steps)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The new query.
    pub(crate) fn edited(&self, query: &str, inputs: &Inputs) -> String {
        let mut parameters: Vec<_> =
            query.split('&').filter(|pair| !pair.is_empty()).map(Parameter::read).collect();
        for step in &self.0 {
            step.run(&mut parameters, inputs);
        }
        let mut edited = String::with_capacity(query.len());
        for parameter in &parameters {
            if !edited.is_empty() {
                edited.push('&');
            }
            edited.push_str(&parameter.written);
        }
        edited
    }
}

impl Step {
    fn run(&self, parameters: &mut Vec<Parameter>, inputs: &Inputs) {
        let has = |parameters: &[Parameter], name: &str| parameters.iter().any(|known| known.is(name));
        match self {
            Self::Remove(name) => parameters.retain(|parameter| !parameter.is(name)),
            Self::Rename(old, new) if old == new => {}
            Self::Rename(old, new) => {
                // Kong moves the value even if there is none: the new name ends up with what the old one had.
                parameters.retain(|parameter| !parameter.is(new));
                parameters
                    .iter_mut()
                    .filter(|parameter| parameter.is(old))
                    .for_each(|parameter| parameter.rename(new));
            }
            Self::Replace(name, template) => {
                let Some(first) = parameters.iter().position(|parameter| parameter.is(name)) else {
                    return;
                };
                parameters.retain(|parameter| !parameter.is(name));
                parameters.insert(first, Parameter::new(name, &template.render(inputs)));
            }
            Self::Add(name, template) if !has(parameters, name) => {
                parameters.push(Parameter::new(name, &template.render(inputs)));
            }
            Self::Add(..) => {}
            Self::Append(name, template) => parameters.push(Parameter::new(name, &template.render(inputs))),
        }
    }
}

impl Parameter {
    fn read(written: &str) -> Self {
        let name = written.split_once('=').map_or(written, |(name, _)| name);
        Self { name: decoded(name), written: written.into() }
    }

    fn new(name: &str, value: &[u8]) -> Self {
        let mut written = String::new();
        encode(name.as_bytes(), &mut written);
        written.push('=');
        encode(value, &mut written);
        Self { name: name.into(), written }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }

    fn rename(&mut self, name: &str) {
        let value = self.written.split_once('=').map(|(_, value)| value.to_owned());
        self.name = name.into();
        self.written.clear();
        encode(name.as_bytes(), &mut self.written);
        if let Some(value) = value {
            self.written.push('=');
            self.written.push_str(&value);
        }
    }
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
fn encode(bytes: &[u8], into: &mut String) {
    for byte in bytes {
        let character = char::from(*byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) {
            into.push(character);
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
            into.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, after @ ..] => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            [b'+', after @ ..] => Some((b' ', after)),
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((*byte, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}
