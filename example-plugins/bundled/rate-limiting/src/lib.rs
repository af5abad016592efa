//! Kong's `rate-limiting`: limits how many requests a caller may send in periods of the calendar.
//!
//! Counters live in the memory of the node, in the gateway's database (`cluster`) or in Redis. A request is counted
//! in every period or, if one of them is used up, in none.

mod caller;
mod config;
mod counters;
mod headers;
mod period;

#[cfg(test)]
mod tests;

pub use config::{Config, LimitBy, Policy, Redis};

use serde_json::json;
use weir_plugin_sdk::counters::{Take, Window};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, HeaderOp, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot, logging,
};

use caller::Caller;
use counters::Counters;
use headers::Usage;
use period::Period;

/// The plugin, configured for one assignment.
pub struct RateLimiting {
    limits: Vec<Limit>,
    counters: Counters,
    /// Let requests through when counters cannot be read.
    tolerant: bool,
    caller: Caller,
    started_at: Slot,
    show_headers: bool,
    status: u16,
    message: String,
}

/// One limit of the configuration.
struct Limit {
    period: Period,
    /// Requests that fit: 2.5 a minute are three, as in Kong, which refuses once nothing is left.
    requests: u64,
    /// As the operator wrote it.
    shown: String,
}

impl Plugin for RateLimiting {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(910)
            .needs(Capability::local_counters("to count requests"))
            .needs(Capability::new(
                "shared-counters",
                "to count requests for all nodes together",
                &json!({ "optional": true, "backend": "$(config.policy)", "server": "$(config.redis)" }),
            ))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let plugin = Self {
            limits: config.limits().into_iter().map(|(period, limit)| Limit::new(period, limit)).collect(),
            counters: Counters::of(config.policy),
            tolerant: config.fault_tolerant,
            caller: Caller::new(&config, &mut inputs),
            started_at: inputs.want(Input::StartedAtUnixMs),
            show_headers: !config.hide_client_headers,
            status: config.status().unwrap_or(429),
            message: config.error_message.unwrap_or_else(|| "API rate limit exceeded".into()),
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for RateLimiting {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let now = inputs.number(self.started_at).unwrap_or_default();
        let caller = self.caller.of(inputs);
        let windows: Vec<Window> = self.limits.iter().map(|limit| limit.window(caller, now)).collect();
        let takes = match self.counters.take(&windows) {
            Ok(takes) => takes,
            Err(why) => return Ok(self.without_counters(&why)),
        };
        Ok(self.verdict(&takes, now))
    }
}

weir_plugin_sdk::export!(RateLimiting: request_head);

impl RateLimiting {
    fn verdict(&self, takes: &[Take], now: u64) -> RequestVerdict {
        let allowed = takes.iter().all(|take| take.allowed);
        let usages = || {
            self.limits.iter().zip(takes).map(|(limit, take)| Usage {
                period: limit.period,
                limit: &limit.shown,
                remaining: take.remaining,
                reset: limit.period.around(now).seconds_left(now),
            })
        };
        let headers = if self.show_headers { headers::of(usages()) } else { Vec::new() };
        if allowed {
            let edits = headers.into_iter().map(|(name, value)| HeaderOp::to_set(name, value));
            return Proceed::new().without_response().response_edits(edits).into();
        }
        self.refusal(headers, headers::tightest(usages()))
    }

    /// What becomes of a request that could not be counted.
    fn without_counters(&self, why: &str) -> RequestVerdict {
        logging::error("requests cannot be counted", &[("reason", why)]);
        if self.tolerant {
            return Proceed::new().without_response().into();
        }
        Answer::new(500).message("An unexpected error occurred").reason("no-counters").into()
    }

    fn refusal(&self, headers: Vec<(&'static str, Vec<u8>)>, tightest: Option<Usage<'_>>) -> RequestVerdict {
        let answer = Answer::new(self.status).message(self.message.as_str()).reason("over-limit");
        let answer = headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        match tightest.filter(|_| self.show_headers) {
            Some(usage) => answer.header("retry-after", headers::digits(usage.reset)).into(),
            None => answer.into(),
        }
    }
}

impl Limit {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive by the schema; `as` saturates"
    )]
    fn new(period: Period, limit: f64) -> Self {
        Self { period, requests: limit.ceil() as u64, shown: limit.to_string() }
    }

    fn window(&self, caller: &str, now: u64) -> Window {
        let span = self.period.around(now);
        let name = self.period.name();
        let mut key = String::with_capacity(name.len() + 1 + caller.len());
        key.push_str(name);
        key.push(':');
        key.push_str(caller);
        Window { key, limit: self.requests, from_unix_ms: span.from, until_unix_ms: span.until }
    }
}
