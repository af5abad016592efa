//! Kong's `request-termination`: answers requests at once, so that no upstream sees them.
//!
//! The answer is a message, a body, or with `echo` a description of the request. A gRPC client gets its
//! message as gRPC has it. With `trigger` only requests that carry this name are answered.

mod config;
mod echo;

#[cfg(test)]
mod tests;

pub use config::Config;

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed, Repeatable,
    RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, Setup, Slot, body, exchange,
};

use echo::Body;

/// For logs and metrics.
const REASON: &str = "terminated";

/// The plugin, configured for one assignment.
pub struct RequestTermination {
    status: u16,
    /// Empty if there is none.
    message: String,
    answer: Answer,
    trigger: Option<Vec<Slot>>,
    content_type: Slot,
    /// Read only for an echo, which has the body in it.
    length: Option<Slot>,
}

impl Plugin for RequestTermination {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(2)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let plugin = Self {
            status: config.status_code,
            message: config.message().unwrap_or_default().to_owned(),
            answer: answer(&config),
            trigger: config.trigger.as_deref().map(|name| places(name, &mut inputs)),
            content_type: inputs.want(Input::Header("content-type".into())),
            length: config.echo.then(|| inputs.want(Input::Header("content-length".into()))),
        };
        let setup = Setup::new().request_head(inputs);
        Ok((plugin, if config.echo { setup.request_body() } else { setup }))
    }
}

impl RequestHead for RequestTermination {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let is_there = |places: &Vec<Slot>| places.iter().any(|slot| inputs.is_present(*slot));
        if !self.trigger.as_ref().is_none_or(is_there) {
            return Ok(Proceed::new().without_response().into());
        }
        let content_type = inputs.bytes(self.content_type).unwrap_or_default();
        if content_type.starts_with(b"application/grpc") {
            return Ok(Answer::new(self.status).message(self.message.as_str()).reason(REASON).into());
        }
        let Some(length) = self.length else {
            return Ok(self.answer.clone().into());
        };
        let length = inputs.text(length).and_then(|length| length.parse().ok());
        if length.is_some_and(|length: u64| length > echo::MAX_BODY) {
            return Ok(self.echo(Body::TooLong).into());
        }
        Ok(Proceed::new().buffer(echo::MAX_COLLECTED).into())
    }
}

impl RequestBody for RequestTermination {
    fn on_request_body(&mut self, _carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        let body = if body::len() > echo::MAX_BODY { Body::TooLong } else { Body::Whole(body::all()) };
        Ok(self.echo(body).into())
    }
}

impl Repeatable for RequestTermination {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(RequestTermination: repeatable, request_head, request_body);

impl RequestTermination {
    /// What the echo tells is asked for now: the head of a request that waits for its body would not
    /// fit into what one phase may leave for the next.
    fn echo(&self, body: Body) -> Answer {
        let facts = exchange::get_many(&echo::wanted());
        let message = Some(self.message.as_str()).filter(|message| !message.is_empty());
        json(self.status, echo::describe(message, &facts, &body).to_string())
    }
}

/// The header, as it is called and with `-` for `_`, and the query parameter.
fn places(name: &str, inputs: &mut InputList) -> Vec<Slot> {
    let lower = name.to_ascii_lowercase();
    let hyphened = lower.replace('_', "-");
    let places = [Input::Header(lower), Input::Header(hyphened), Input::QueryParam(name.to_owned())];
    places.into_iter().map(|input| inputs.want(input)).collect()
}

/// The answer to a request that is not gRPC and not echoed.
fn answer(config: &Config) -> Answer {
    if let Some(body) = &config.body {
        // nginx says so of a body that nobody described.
        let kind = config.content_type.as_deref().filter(|kind| !kind.is_empty());
        let kind = kind.unwrap_or("text/plain; charset=UTF-8");
        return Answer::new(config.status_code)
            .body(body.as_str())
            .header("content-type", kind)
            .reason(REASON);
    }
    match config.message() {
        Some(message) => json(config.status_code, serde_json::json!({ "message": message }).to_string()),
        None => Answer::new(config.status_code).reason(REASON),
    }
}

/// Kong writes the message as JSON whatever the client accepts, and without an id of the request.
fn json(status: u16, text: String) -> Answer {
    Answer::new(status).body(text).header("content-type", "application/json; charset=utf-8").reason(REASON)
}
