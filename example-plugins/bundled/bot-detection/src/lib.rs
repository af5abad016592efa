//! Kong's `bot-detection`: refuses requests whose `User-Agent` is known for a bot.
//!
//! What the operator allows passes; what the operator denies, and what Kong knows for a bot, does not. A
//! request that does not say what it is passes too.

mod bots;
mod config;
mod names;

#[cfg(test)]
mod tests;

pub use config::Config;

use regex_lite::Regex;
use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed, Repeatable,
    RequestHead, RequestVerdict, Setup, Slot,
};

use bots::Bots;

/// The plugin, configured for one assignment.
pub struct BotDetection {
    user_agent: Slot,
    allow: Vec<Regex>,
    deny: Vec<Regex>,
    bots: Bots,
}

impl Plugin for BotDetection {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(2500)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let allow = config::compile("allow", config.allow.as_deref(), &mut problems);
        let deny = config::compile("deny", config.deny.as_deref(), &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut inputs = InputList::new();
        let user_agent = inputs.want(Input::Header("user-agent".into()));
        Ok((Self { user_agent, allow, deny, bots: Bots::new() }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for BotDetection {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        // Two names, of which the upstream might believe the other one.
        if inputs.all(self.user_agent).nth(1).is_some() {
            let answer = Answer::new(400).message("Only one User-Agent header allowed");
            return Ok(answer.reason("several-user-agents").into());
        }
        let name = inputs.bytes(self.user_agent).map(String::from_utf8_lossy);
        match name.and_then(|name| self.objection(name.trim())) {
            Some(reason) => Ok(Answer::new(403).message("Forbidden").reason(reason).into()),
            None => Ok(Proceed::new().without_response().into()),
        }
    }
}

impl Repeatable for BotDetection {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(BotDetection: repeatable, request_head);

impl BotDetection {
    /// Why a client of this name is refused, for logs and metrics.
    fn objection(&self, name: &str) -> Option<&'static str> {
        let one_of = |list: &[Regex]| list.iter().any(|expression| expression.is_match(name));
        if one_of(&self.allow) {
            return None;
        }
        if one_of(&self.deny) {
            return Some("denied-user-agent");
        }
        self.bots.has(name).then_some("known-bot")
    }
}
