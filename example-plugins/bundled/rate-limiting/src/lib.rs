//! Kong's `rate-limiting`: limits how many requests a caller may send in periods of the calendar.
//!
//! Counters live in the memory of the node, in the gateway's database (`cluster`) or in Redis. A request is counted
//! in every period or, if one of them is used up, in none.

mod caller;
mod config;
mod headers;

#[cfg(test)]
mod tests;

pub use config::{Config, LimitBy};

use limits::{Period, Policy};
use weir_plugin_sdk::counters::{Take, Window};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, HeaderOp, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot, logging,
};

use caller::Caller;
use headers::Usage;

/// The plugin, configured for one assignment.
pub struct RateLimiting {
    limits: Vec<Limit>,
    policy: Policy,
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
    /// Requests that fit.
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
            .needs(Capability::logging("to say that requests cannot be counted"))
            .needs(Capability::local_counters("to count requests"))
            .needs(limits::capability("to count requests for all nodes together"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let plugin = Self {
            limits: config
                .amounts
                .set()
                .into_iter()
                .map(|(period, limit)| Limit::new(period, limit))
                .collect(),
            policy: config.policy.unwrap_or(Policy::Local),
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
        let takes = match self.policy.take(&windows, 1) {
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
            Some(usage) => answer.header("retry-after", limits::digits(usage.reset)).into(),
            None => answer.into(),
        }
    }
}

impl Limit {
    fn new(period: Period, limit: f64) -> Self {
        Self { period, requests: limits::whole(limit), shown: limit.to_string() }
    }

    fn window(&self, caller: &str, now: u64) -> Window {
        self.period.window(&[caller], self.requests, now)
    }
}
