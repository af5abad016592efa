//! Kong's `response-transformer`: removes, renames, replaces, adds and appends headers of responses, and fields of JSON
//! bodies.
//!
//! Whether a header is there is judged before anything was changed, as Kong does it: one that is
//! removed is not added again. Fields of a body are judged one edit after the other. A body is waited for only if there
//! is a rule for bodies, and its type is JSON.

mod config;
mod json;

#[cfg(test)]
mod tests;

pub use config::{Change, Config, JsonType, Remove, Rename};

use bodies::Kind;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Deliver, DeliverWithBody, Failure, HeaderOp, Input, InputList, Inputs,
    Plugin, ResponseBody, ResponseBodyVerdict, ResponseHead, ResponseVerdict, Setup, Slot,
};

use config::split;
use json::JsonEdits;

/// The plugin, configured for one assignment.
pub struct ResponseTransformer {
    steps: Vec<Step>,
    body: Option<BodyEdits>,
}

/// The edits of bodies, and what tells whether a body is JSON.
struct BodyEdits {
    edits: JsonEdits,
    content_type: Slot,
    content_encoding: Slot,
}

/// One edit, with where to look whether it applies.
enum Step {
    Always(HeaderOp),
    IfPresent(Slot, HeaderOp),
    IfAbsent(Slot, HeaderOp),
    Rename { slot: Slot, old: String, new: String },
}

impl Plugin for ResponseTransformer {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(800)
            .needs(Capability::logging("to say that a body is no JSON"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let steps = steps(&config, &mut inputs);
        let body = JsonEdits::compile(&config).map(|edits| BodyEdits {
            edits,
            content_type: inputs.want(Input::Header("content-type".into())),
            content_encoding: inputs.want(Input::Header("content-encoding".into())),
        });
        let setup = match (&body, steps.is_empty()) {
            (Some(_), _) => Setup::new().response_head(inputs).response_body(),
            (None, false) => Setup::new().response_head(inputs),
            (None, true) => Setup::new(),
        };
        Ok((Self { steps, body }, setup))
    }
}

impl ResponseHead for ResponseTransformer {
    fn on_response_head(
        &mut self,
        inputs: &Inputs,
        _carry: Option<&[u8]>,
    ) -> Result<ResponseVerdict, Failure> {
        let edits: Vec<_> = self.steps.iter().flat_map(|step| step.edits(inputs)).collect();
        let is_edited = self.body.as_ref().is_some_and(|body| body.is_for(&edits, inputs));
        let deliver = Deliver::new().edits(edits);
        // How long a body may be is the operator's to say.
        Ok(if is_edited { deliver.buffer(u64::MAX) } else { deliver }.into())
    }
}

impl ResponseBody for ResponseTransformer {
    fn on_response_body(&mut self, _carry: Option<&[u8]>) -> Result<ResponseBodyVerdict, Failure> {
        let after = self.body.as_ref().and_then(|body| body.edits.edited(&weir_plugin_sdk::body::all()));
        Ok(after.into_iter().fold(DeliverWithBody::new(), DeliverWithBody::replace).into())
    }
}

weir_plugin_sdk::export!(ResponseTransformer: response_head, response_body);

impl BodyEdits {
    /// Whether a body is looked into. As in Kong, its type is the one that the edits of the headers leave, and may be
    /// one of a list.
    fn is_for(&self, headers: &[HeaderOp], inputs: &Inputs) -> bool {
        if bodies::is_compressed(inputs.bytes(self.content_encoding)) {
            return false;
        }
        let content_type = bodies::content_type(inputs.bytes(self.content_type), headers);
        let types = String::from_utf8_lossy(content_type.unwrap_or_default());
        types.split(',').any(|one| Kind::of(one) == Some(Kind::Json))
    }
}

fn steps(config: &Config, inputs: &mut InputList) -> Vec<Step> {
    let mut steps = Vec::new();
    for pair in &config.remove.headers {
        steps.push(Step::Always(HeaderOp::Remove(split(pair).0.to_ascii_lowercase())));
    }
    for (old, new) in pairs(&config.rename.headers) {
        let slot = inputs.want(Input::Header(old.clone()));
        steps.push(Step::Rename { slot, old, new: new.to_ascii_lowercase() });
    }
    for (name, value) in pairs(&config.replace.headers) {
        let slot = inputs.want(Input::Header(name.clone()));
        steps.push(Step::IfPresent(slot, HeaderOp::to_set(name, value)));
    }
    for (name, value) in pairs(&config.add.headers) {
        let slot = inputs.want(Input::Header(name.clone()));
        steps.push(Step::IfAbsent(slot, HeaderOp::to_set(name, value)));
    }
    for (name, value) in pairs(&config.append.headers) {
        steps.push(Step::Always(HeaderOp::to_append(name, value)));
    }
    steps
}

/// A pair without a value changes nothing.
fn pairs(written: &[String]) -> impl Iterator<Item = (String, &str)> {
    written.iter().filter_map(|pair| {
        let (name, value) = split(pair);
        Some((name.to_ascii_lowercase(), value?))
    })
}

impl Step {
    fn edits(&self, inputs: &Inputs) -> Vec<HeaderOp> {
        match self {
            Self::Always(edit) => vec![edit.clone()],
            Self::IfPresent(slot, edit) if inputs.is_present(*slot) => vec![edit.clone()],
            Self::IfAbsent(slot, edit) if !inputs.is_present(*slot) => vec![edit.clone()],
            Self::Rename { slot, old, new } if inputs.is_present(*slot) => {
                renamed(old, new, inputs.all(*slot))
            }
            Self::IfPresent(..) | Self::IfAbsent(..) | Self::Rename { .. } => Vec::new(),
        }
    }
}

fn renamed<'a>(old: &str, new: &str, values: impl Iterator<Item = &'a [u8]>) -> Vec<HeaderOp> {
    let gone = [HeaderOp::Remove(old.into()), HeaderOp::Remove(new.into())];
    gone.into_iter().chain(values.map(|value| HeaderOp::to_append(new, value))).collect()
}
