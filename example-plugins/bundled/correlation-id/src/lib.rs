//! Kong's `correlation-id`: gives each request an id that the upstream, the client and the log can name.
//!
//! An id that the client sends is kept. The log has it as the attribute `correlation_id`.

mod config;
mod generate;

#[cfg(test)]
mod tests;

pub use config::{Config, Generator};

use std::borrow::Cow;

use serde_json::json;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Deliver, Failure, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, ResponseHead, ResponseVerdict, Setup, Slot, exchange,
};

use generate::Ids;

/// The plugin, configured for one assignment.
pub struct CorrelationId {
    /// In lower case.
    header: String,
    request: Phase,
    response: Phase,
    echoes: bool,
}

/// What a phase needs to know, and how it makes ids.
struct Phase {
    sent: Slot,
    ids: Ids,
}

impl Plugin for CorrelationId {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(100_001)
            .needs(Capability::new("random", "to make ids", &json!({})))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let header = config.header();
        let (mut request, mut response) = (InputList::new(), InputList::new());
        let plugin = Self {
            request: Phase::new(&header, config.generator, &mut request),
            response: Phase::new(&header, config.generator, &mut response),
            echoes: config.echo_downstream,
            header,
        };
        let setup = Setup::new().request_head(request);
        // Without an echo there is nothing that a response could be told.
        Ok((plugin, if config.echo_downstream { setup.response_head(response) } else { setup }))
    }
}

impl RequestHead for CorrelationId {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let (id, is_new) = self.request.id(inputs);
        exchange::set_attribute("correlation_id", &String::from_utf8_lossy(&id));
        let mut proceed = Proceed::new().without_response();
        if self.echoes {
            proceed = proceed.set_response_header(self.header.as_str(), id.as_ref());
        }
        if is_new {
            proceed = proceed.set_header(self.header.as_str(), id);
        }
        Ok(proceed.into())
    }
}

impl ResponseHead for CorrelationId {
    /// Called only for a request that was answered before its turn came here.
    fn on_response_head(
        &mut self,
        inputs: &Inputs,
        _carry: Option<&[u8]>,
    ) -> Result<ResponseVerdict, Failure> {
        let (id, _) = self.response.id(inputs);
        Ok(Deliver::new().set_header(self.header.as_str(), id).into())
    }
}

weir_plugin_sdk::export!(CorrelationId: request_head, response_head);

impl Phase {
    fn new(header: &str, generator: Generator, inputs: &mut InputList) -> Self {
        let sent = inputs.want(Input::RequestHeader(header.to_owned()));
        Self { sent, ids: Ids::new(generator, inputs) }
    }

    /// The id that came with the request, or a new one, and whether it is new.
    fn id<'a>(&mut self, inputs: &'a Inputs) -> (Cow<'a, [u8]>, bool) {
        match inputs.bytes(self.sent).filter(|sent| !sent.is_empty()) {
            Some(sent) => (sent.into(), false),
            None => (self.ids.next(inputs).into_bytes().into(), true),
        }
    }
}
