//! Kong's `response-ratelimiting`: the upstream says in a response header what a request has used, and who has used
//! too much is refused.
//!
//! A response that goes over a limit is delivered, and the one after it is not, as in Kong. Kong counts after the
//! response, in the background; here it is done before the response goes out, so that the next request knows of it.

mod config;
mod counters;

#[cfg(test)]
mod tests;

pub use config::Config;

use limits::{Caller, Policy};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Deliver, Failure, HeaderOp, Input, InputList, Inputs, Plugin,
    Proceed, RequestHead, RequestVerdict, ResponseHead, ResponseVerdict, Setup, Slot, logging,
};

use config::LimitBy;
use counters::{Counters, Usage};

/// The plugin, configured for one assignment.
pub struct ResponseRateLimiting {
    counters: Counters,
    caller: Caller,
    started_at: Slot,
    /// Where the upstream says what was used; not for the client.
    header: String,
    /// The same, in the response phase.
    said: Slot,
    fault_tolerant: bool,
    blocks_on_first: bool,
    shows_headers: bool,
}

impl Plugin for ResponseRateLimiting {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(900)
            .needs(Capability::logging("to say that costs cannot be counted"))
            .needs(Capability::local_counters("to count what responses have cost"))
            .needs(limits::capability("to count it on all nodes together"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let (mut request, mut response) = (InputList::new(), InputList::new());
        let header = config.header();
        let limits = config.limits.iter().map(|(name, limit)| (name.as_str(), &limit.0));
        let plugin = Self {
            counters: Counters::new(config.policy.unwrap_or(Policy::Local), limits),
            caller: match config.limit_by {
                Some(LimitBy::Consumer) => Caller::by_consumer(&mut request),
                Some(LimitBy::Credential) => Caller::by([Input::CredentialId], &mut request),
                Some(LimitBy::Ip) | None => Caller::by([], &mut request),
            },
            started_at: request.want(Input::StartedAtUnixMs),
            said: response.want(Input::Header(header.clone())),
            header,
            fault_tolerant: config.fault_tolerant,
            blocks_on_first: config.block_on_first_violation,
            shows_headers: !config.hide_client_headers,
        };
        Ok((plugin, Setup::new().request_head(request).response_head(response)))
    }
}

impl RequestHead for ResponseRateLimiting {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let now = inputs.number(self.started_at).unwrap_or_default();
        let usage = match self.counters.usage(self.caller.of(inputs), now) {
            Ok(usage) => usage,
            Err(error) => return Ok(self.uncounted(&error)),
        };
        let mut proceed = Proceed::new();
        for (named, remaining) in self.counters.standing(&usage) {
            let least = remaining.iter().min().copied().unwrap_or_default();
            if self.blocks_on_first && least == 0 {
                let message = format!("API rate limit exceeded for '{}'", named.name);
                return Ok(Answer::new(429).message(message).reason("over-limit").into());
            }
            proceed = proceed.set_header(named.header.as_str(), limits::digits(least));
        }
        Ok(proceed.carry(usage.write()).into())
    }
}

impl ResponseHead for ResponseRateLimiting {
    fn on_response_head(
        &mut self,
        inputs: &Inputs,
        carry: Option<&[u8]>,
    ) -> Result<ResponseVerdict, Failure> {
        let deliver = Deliver::new().remove_header(self.header.as_str());
        let Some(usage) = carry.and_then(|carry| Usage::read(carry, self.counters.count())) else {
            return Ok(deliver.into());
        };
        let used = self.counters.used(inputs.all(self.said));
        let is_over = self
            .counters
            .standing(&usage)
            .zip(&used)
            .any(|((_, remaining), used)| *used > 0 && remaining.contains(&0));
        if is_over {
            // What it would have used is not counted, and not taken off what the client is told.
            let headers = self.headers(&usage, &vec![0; used.len()]);
            let answer = Answer::new(429).reason("over-limit");
            let answer = headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value));
            return Ok(answer.into());
        }
        if let Err(error) = self.counters.add(&usage, &used) {
            logging::error("what a response has used could not be counted", &[("error", &error)]);
        }
        let edits =
            self.headers(&usage, &used).into_iter().map(|(name, value)| HeaderOp::to_set(name, value));
        Ok(deliver.edits(edits).into())
    }
}

weir_plugin_sdk::export!(ResponseRateLimiting: request_head, response_head);

impl ResponseRateLimiting {
    /// What the client is told.
    fn headers(&self, usage: &Usage<'_>, used: &[u64]) -> Vec<(String, Vec<u8>)> {
        if !self.shows_headers {
            return Vec::new();
        }
        let standing = self.counters.standing(usage).zip(used);
        let headers = standing.flat_map(|((named, remaining), used)| named.headers(remaining, *used));
        headers.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The verdict when nobody knows how the limits stand.
    fn uncounted(&self, error: &str) -> RequestVerdict {
        logging::error("failed to get usage", &[("error", error)]);
        if self.fault_tolerant {
            let hidden = HeaderOp::Remove(self.header.clone());
            return Proceed::new().without_response().response_edits([hidden]).into();
        }
        Answer::new(500).message("An unexpected error occurred").reason("no-counters").into()
    }
}
