//! A plugin that does what no plugin should, on order: the configuration says what.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, schemars,
};

/// What the operator orders.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// What to do with each request.
    how: How,
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
        Ok((Self { how: config.how }, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for Hostile {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        match self.how {
            How::Loop => spin(),
            How::Trap => trap(),
            How::EatMemory => eat_memory(),
            How::Recurse => _ = recurse(1),
            How::SplitHeader => {}
        }
        Ok(Proceed::new().set_response_header("x-split", "a\r\nx-evil: b").into())
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
