//! Edits the heads of requests and responses.

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Deliver, Failure, HeaderOp, Input, InputList, Inputs, JsonSchema, Phase, Plugin,
    Proceed, Repeatable, RequestHead, RequestVerdict, ResponseHead, ResponseVerdict, Setup, Slot, schemars,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// Request headers to remove, before the others are set and appended.
    #[serde(default)]
    remove: Vec<String>,
    /// Request headers to set, by their lower-case names.
    #[serde(default)]
    set: BTreeMap<String, String>,
    /// Values to append to request headers, by the lower-case names.
    #[serde(default)]
    append: BTreeMap<String, String>,
    /// Response headers to set, by their lower-case names.
    #[serde(default)]
    response_set: BTreeMap<String, String>,
    /// What to put before the path that the upstream sees.
    path_prefix: Option<String>,
}

/// The plugin, configured for one assignment: its edits are the same for every request.
pub struct HeadEdit {
    request: Vec<HeaderOp>,
    response: Vec<HeaderOp>,
    prefix: Option<(String, Slot)>,
}

impl Plugin for HeadEdit {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(800)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        check(&config)?;
        let mut inputs = InputList::new();
        let prefix = config.path_prefix.map(|prefix| (prefix, inputs.want(Input::Path)));
        let removed = config.remove.into_iter().map(HeaderOp::Remove);
        let set = config.set.into_iter().map(|(name, value)| HeaderOp::to_set(name, value));
        let appended = config.append.into_iter().map(|(name, value)| HeaderOp::to_append(name, value));
        let request = removed.chain(set).chain(appended).collect();
        let response: Vec<_> =
            config.response_set.into_iter().map(|(name, value)| HeaderOp::to_set(name, value)).collect();
        let mut setup = Setup::new().request_head(inputs);
        if !response.is_empty() {
            setup = setup.response_head(InputList::new());
        }
        Ok((Self { request, response, prefix }, setup))
    }
}

fn check(config: &Config) -> Result<(), Vec<ConfigProblem>> {
    let listed = config.remove.iter().enumerate().map(|(at, name)| (format!("/remove/{at}"), name));
    let keyed = [("set", &config.set), ("append", &config.append), ("response_set", &config.response_set)];
    let keyed = keyed.into_iter().flat_map(|(field, headers)| {
        headers
            .keys()
            .map(move |name| (format!("/{field}/{}", name.replace('~', "~0").replace('/', "~1")), name))
    });
    let unfit =
        |name: &str| name.is_empty() || name.chars().any(|c| !c.is_ascii_graphic() || c.is_ascii_uppercase());
    let problems: Vec<_> = listed
        .chain(keyed)
        .filter(|(_, name)| unfit(name))
        .map(|(pointer, _)| ConfigProblem::new(&pointer, "not a header name in lower case"))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl RequestHead for HeadEdit {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let mut proceed = Proceed::new().edits(self.request.iter().cloned());
        if let Some((prefix, path)) = &self.prefix {
            let path = format!("{prefix}{}", inputs.text(*path).unwrap_or_default());
            proceed = proceed.target(|target| target.path = Some(path));
        }
        if self.response.is_empty() {
            proceed = proceed.without_response();
        }
        Ok(proceed.into())
    }
}

impl ResponseHead for HeadEdit {
    fn on_response_head(&mut self, _: &Inputs, _: Option<&[u8]>) -> Result<ResponseVerdict, Failure> {
        Ok(Deliver::new().edits(self.response.iter().cloned()).into())
    }
}

impl Repeatable for HeadEdit {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(HeadEdit: repeatable, request_head, response_head);
