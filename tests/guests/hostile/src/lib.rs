//! A plugin that does what no plugin should, on order: the configuration says what.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, schemars,
};

/// What the operator orders.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// What to do.
    how: How,
    /// When to do it; with each request if nothing is said.
    when: Option<When>,
}

/// The moments to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// With each request.
    Request,
    /// When it is configured, before there is any request.
    Configure,
}

/// The ways to misbehave.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Never return.
    Loop,
    /// Break off.
    Trap,
    /// Take memory until there is none.
    EatMemory,
    /// Call itself until the stack is full.
    Recurse,
    /// Answer with a header that would split the response.
    SplitHeader,
    /// Compute for a while, which is the same work each time, and let the request pass.
    Work,
}

impl How {
    /// Does it. What comes back has a header that splits in any case.
    fn act(self) {
        match self {
            Self::Loop => spin(),
            Self::Trap => trap(),
            Self::EatMemory => eat_memory(),
            Self::Recurse => _ = recurse(1),
            Self::Work => work(),
            Self::SplitHeader => {}
        }
    }
}

/// The plugin, configured for one assignment.
pub struct Hostile {
    how: How,
}

impl Plugin for Hostile {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        if config.when == Some(When::Configure) {
            config.how.act();
        }
        Ok((Self { how: config.how }, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for Hostile {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        self.how.act();
        let value = if matches!(self.how, How::Work) { "done" } else { "a\r\nx-evil: b" };
        Ok(Proceed::new().set_response_header("x-hostile", value).into())
    }
}

/// About a millisecond of processor time.
fn work() {
    for turn in 0..6_000_000_u64 {
        std::hint::black_box(turn);
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[expect(clippy::panic, reason = "the point of this plugin")]
fn trap() {
    panic!("on order");
}

fn eat_memory() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "the point of this plugin")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(depth) + recurse(depth + 1)
}

weir_plugin_sdk::export!(Hostile: request_head);
