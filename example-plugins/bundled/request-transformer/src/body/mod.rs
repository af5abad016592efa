//! Edits of bodies: forms, JSON objects, and forms in parts. A body that is not what its type says stays as it is.

mod multipart;

use bodies::Kind;
use bodies::json::{Object, json_text};
use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, HeaderOp, Input, InputList, Inputs, Slot};

use crate::config::Config;
use crate::fields::{Action, Edit, FieldEdits};
use crate::query;

/// The compiled edits, and what tells the kind of a body.
pub(crate) struct BodyEdits {
    edits: FieldEdits,
    content_type: Slot,
    content_encoding: Slot,
}

/// What the call with the head has to say to the one with the body.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Carry {
    kind: Kind,
    is_compressed: bool,
    /// Those that differ from request to request.
    values: Vec<String>,
}

/// What becomes of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    Not,
    To(Vec<u8>),
    /// A value would become more than one field.
    Refused,
}

impl BodyEdits {
    /// `None` without a rule for bodies: then nothing is asked for.
    pub(crate) fn compile(
        config: &Config,
        inputs: &mut InputList,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<Self> {
        let edits = FieldEdits::compile("body", config.body_rules(), inputs, problems);
        (!edits.is_empty()).then(|| Self {
            edits,
            content_type: inputs.want(Input::Header("content-type".into())),
            content_encoding: inputs.want(Input::Header("content-encoding".into())),
        })
    }

    /// What is to be done once the body is there; `None` if it is not looked into. As in Kong, the type is the one that
    /// the edits of the headers leave.
    pub(crate) fn prepare(&self, headers: &[HeaderOp], inputs: &Inputs) -> Option<Carry> {
        let content_type = bodies::content_type(inputs.bytes(self.content_type), headers)?;
        let kind = Kind::mentioned_in(&String::from_utf8_lossy(content_type))?;
        let is_compressed = bodies::is_compressed(inputs.bytes(self.content_encoding));
        Some(Carry { kind, is_compressed, values: self.edits.values(inputs) })
    }

    /// The body after the edits.
    pub(crate) fn edited(&self, body: &[u8], carry: &Carry) -> Edited {
        // What a client only says to be compressed shall not get past the edits; what is so is no text.
        if carry.is_compressed && std::str::from_utf8(body).is_err() {
            return Edited::Not;
        }
        let edits = self.edits.with_values(&carry.values);
        match &carry.kind {
            Kind::Form => {
                let after = query::edited(body, &edits);
                if after == body { Edited::Not } else { Edited::To(after) }
            }
            Kind::Json => json(&String::from_utf8_lossy(body), &edits).map_or(Edited::Not, Edited::To),
            Kind::Multipart(boundary) => multipart::edited(body, boundary, &edits),
        }
    }
}

/// `None` if nothing changes. An empty body is an empty object.
fn json(text: &str, edits: &[Edit<'_>]) -> Option<Vec<u8>> {
    let mut object = if text.is_empty() { Object::default() } else { Object::read(text)? };
    let mut is_changed = false;
    for edit in edits {
        is_changed |= change(&mut object, edit).unwrap_or(false);
    }
    is_changed.then(|| object.write())
}

/// Whether something was changed. Values are texts, whatever they look like.
fn change(object: &mut Object<'_>, edit: &Edit<'_>) -> Option<bool> {
    let (name, text) = (edit.name, edit.text());
    Some(match edit.action {
        Action::Remove => object.remove(name),
        Action::Rename => object.is_set(name) && object.rename(name, &text),
        Action::Replace => object.replace(name, json_text(&text)?),
        Action::Add => object.add(name, json_text(&text)?),
        Action::Append => object.append(name, json_text(&text)?),
    })
}

#[cfg(test)]
mod tests;
