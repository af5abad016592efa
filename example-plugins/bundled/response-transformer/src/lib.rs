//! Kong's `response-transformer`: removes, renames, replaces, adds and appends response headers.
//!
//! Whether a header is there is judged before anything was changed, as Kong does it: one that is
//! removed is not added again. Bodies are deliberately left alone yet: `configure` says so.

mod config;

#[cfg(test)]
mod tests;

pub use config::{Change, Config, JsonType, Remove, Rename};

use weir_plugin_sdk::{
    About, ConfigProblem, Deliver, Failure, HeaderOp, Input, InputList, Inputs, Plugin, ResponseHead,
    ResponseVerdict, Setup, Slot,
};

use config::split;

/// The plugin, configured for one assignment.
pub struct ResponseTransformer {
    steps: Vec<Step>,
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
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let steps = steps(&config, &mut inputs);
        let setup = if steps.is_empty() { Setup::new() } else { Setup::new().response_head(inputs) };
        Ok((Self { steps }, setup))
    }
}

impl ResponseHead for ResponseTransformer {
    fn on_response_head(
        &mut self,
        inputs: &Inputs,
        _carry: Option<&[u8]>,
    ) -> Result<ResponseVerdict, Failure> {
        Ok(Deliver::new().edits(self.steps.iter().flat_map(|step| step.edits(inputs))).into())
    }
}

weir_plugin_sdk::export!(ResponseTransformer: response_head);

fn steps(config: &Config, inputs: &mut InputList) -> Vec<Step> {
    let mut steps = Vec::new();
    for pair in &config.remove.headers {
        steps.push(Step::Always(HeaderOp::Remove(split(pair).0)));
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
        Some((name, value?))
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
