//! Edits of a query, or of a form, which is written alike. Parameters that are not touched stay as they were written, in
//! their order.

use std::borrow::Cow;

use bodies::form;

use crate::fields::{Action, Edit};

/// One parameter: its name and the pair, as they will be sent.
struct Parameter<'a> {
    name: Cow<'a, [u8]>,
    written: Cow<'a, [u8]>,
}

/// The query after the edits.
pub(crate) fn edited(query: &[u8], edits: &[Edit<'_>]) -> Vec<u8> {
    let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let mut parameters: Vec<_> = pairs.map(Parameter::read).collect();
    for edit in edits {
        run(edit, &mut parameters);
    }
    let written: Vec<_> = parameters.iter().map(|parameter| &*parameter.written).collect();
    written.join(&b'&')
}

fn run(edit: &Edit<'_>, parameters: &mut Vec<Parameter<'_>>) {
    let Edit { action, name, value } = edit;
    let first = parameters.iter().position(|parameter| parameter.is(name));
    match (action, first) {
        (Action::Remove, _) => parameters.retain(|parameter| !parameter.is(name)),
        (Action::Rename, Some(_)) => rename(parameters, name, &edit.text()),
        (Action::Replace, Some(first)) => {
            parameters.retain(|parameter| !parameter.is(name));
            parameters.insert(first, Parameter::new(name, value));
        }
        (Action::Add, None) | (Action::Append, _) => parameters.push(Parameter::new(name, value)),
        (Action::Rename | Action::Replace, None) | (Action::Add, Some(_)) => {}
    }
}

/// All values move, in place of those that have the new name.
fn rename(parameters: &mut Vec<Parameter<'_>>, old: &str, new: &str) {
    if old == new {
        return;
    }
    parameters.retain(|parameter| !parameter.is(new));
    parameters.iter_mut().filter(|parameter| parameter.is(old)).for_each(|parameter| parameter.rename(new));
}

impl<'a> Parameter<'a> {
    fn read(written: &'a [u8]) -> Self {
        let name = written.split(|byte| *byte == b'=').next().unwrap_or_default();
        Self { name: Cow::Borrowed(name), written: Cow::Borrowed(written) }
    }

    fn new(name: &str, value: &[u8]) -> Self {
        let mut written = Vec::new();
        form::encode(name.as_bytes(), &mut written);
        let name = Cow::Owned(written.clone());
        written.push(b'=');
        form::encode(value, &mut written);
        Self { name, written: Cow::Owned(written) }
    }

    fn is(&self, name: &str) -> bool {
        form::is(&self.name, name)
    }

    fn rename(&mut self, name: &str) {
        let value = self.written.get(self.name.len()..).unwrap_or_default().to_owned();
        let mut written = Vec::new();
        form::encode(name.as_bytes(), &mut written);
        self.name = Cow::Owned(written.clone());
        written.extend(value);
        self.written = Cow::Owned(written);
    }
}
