//! Limits requests over all nodes together, with capability `shared-counters`.
//!
//! An operator grants it with `"grants": {"shared-counters": {}}`: counters are then in the Redis of the
//! gateway, or in its database if it has none. While these are away, `on_outage` decides.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, JsonSchema, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot, logging, schemars, shared_counters,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// Requests of one caller in a window.
    #[schemars(range(min = 1))]
    limit: u64,
    /// Length of the window, which slides with time.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 86_400))]
    window_seconds: u64,
    /// The header that names the caller; without it, the address does.
    #[serde(default)]
    header: Option<String>,
    /// What happens to requests while nobody can count them.
    #[serde(default)]
    on_outage: OnOutage,
}

/// What happens to requests while nobody can count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnOutage {
    /// They go on.
    #[default]
    Allow,
    /// They are refused.
    Refuse,
}

fn minute() -> u64 {
    60
}

/// The plugin, configured for one assignment.
pub struct SharedLimit {
    limit: u64,
    window_ms: u64,
    caller: Slot,
    on_outage: OnOutage,
}

impl Plugin for SharedLimit {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(905)
            .needs(Capability::shared_counters("to count the requests of all nodes"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let caller = inputs.want(match config.header {
            Some(name) => Input::Header(name.to_ascii_lowercase()),
            None => Input::ClientIp,
        });
        let window_ms = config.window_seconds * 1000;
        let plugin = Self { limit: config.limit, window_ms, caller, on_outage: config.on_outage };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for SharedLimit {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let caller = inputs.text(self.caller).unwrap_or("nobody");
        let take = match shared_counters::sliding_window(caller, self.limit, self.window_ms, 1) {
            Ok(take) => take,
            Err(reason) => {
                logging::warn("requests are not counted", &[("reason", &reason)]);
                return Ok(match self.on_outage {
                    OnOutage::Allow => Proceed::new().without_response().into(),
                    OnOutage::Refuse => {
                        Answer::new(503).message("Try again later").reason("no-counters").into()
                    }
                });
            }
        };
        let seconds = take.reset_ms.div_ceil(1000).to_string();
        if take.allowed {
            let remaining = take.remaining.to_string();
            let proceed = Proceed::new().without_response();
            return Ok(proceed.set_response_header("x-limit-remaining", remaining).into());
        }
        let answer = Answer::new(429).message("Too many requests").reason("over-limit");
        Ok(answer.header("retry-after", seconds).into())
    }
}

weir_plugin_sdk::export!(SharedLimit: request_head);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};

    use super::*;

    fn status(outcome: &Outcome) -> u16 {
        match &outcome.verdict {
            Ok(RequestVerdict::Proceed(_)) => 0,
            Ok(RequestVerdict::Respond(answer)) => answer.status,
            Err(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn counts_each_caller() {
        Host::new().at_unix_ms(90_000).install();
        let config = json!({ "limit": 2, "header": "X-Caller" });
        let mut tester = Tester::<SharedLimit>::new(&config).unwrap();
        let mut ask = |caller: &str| tester.request_head(&Request::get("/").header("x-caller", caller));
        assert_eq!(ask("a").response_headers.get("x-limit-remaining"), Some("1"));
        assert_eq!(status(&ask("a")), 0);
        assert_eq!(status(&ask("a")), 429);
        assert_eq!(status(&ask("b")), 0, "somebody else");
    }

    #[test]
    fn an_outage_is_for_the_operator_to_decide() {
        for (on_outage, want) in [("allow", 0), ("refuse", 503)] {
            Host::new().shared_state_fails("away").install();
            let mut tester =
                Tester::<SharedLimit>::new(&json!({ "limit": 2, "on_outage": on_outage })).unwrap();
            assert_eq!(status(&tester.request_head(&Request::get("/"))), want, "{on_outage}");
            assert_eq!(Host::log_lines().len(), 1, "and is told");
        }
    }
}
