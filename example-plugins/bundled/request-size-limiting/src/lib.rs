//! Kong's `request-size-limiting`: refuses requests whose body is too long.
//!
//! Most requests say how long their body is. Of the others a short body is held until it is whole, so that the
//! upstream sees nothing of one that is too long, and the client gets Kong's answer. Where much is allowed, and
//! with gRPC, whose calls may go on as long as the client likes, the body is counted while it passes; one that
//! becomes too long is broken off, which the client is told with the status 400.

mod config;

#[cfg(test)]
mod tests;

pub use config::{Config, SizeUnit};

use weir_plugin_sdk::{
    About, Answer, Chunk, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed, ProceedWithBody,
    RequestBody, RequestBodyVerdict, RequestHead, RequestStream, RequestVerdict, Setup, Slot,
};

/// What is held at most: as much as the gateway holds for a plugin unless the operator says otherwise.
const HELD: u64 = 1 << 20;

const TOO_LONG: &str = "Request size limit exceeded";
const NO_LENGTH: &str = "A valid Content-Length header is required";

/// The plugin, configured for one assignment.
pub struct RequestSizeLimiting {
    /// `None`: even an empty body is too long.
    limit: Option<u64>,
    requires_length: bool,
    /// What the body that is passing may still have.
    left: u64,
    seen: Seen,
}

/// Where it is seen what body a request has.
struct Seen {
    length: Slot,
    encoding: Slot,
    kind: Slot,
    method: Slot,
    expect: Slot,
}

impl Plugin for RequestSizeLimiting {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(951)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let mut header = |name: &str| inputs.want(Input::Header(name.into()));
        let seen = Seen {
            length: header("content-length"),
            encoding: header("transfer-encoding"),
            kind: header("content-type"),
            expect: header("expect"),
            method: inputs.want(Input::Method),
        };
        let plugin =
            Self { limit: config.limit(), requires_length: config.require_content_length, left: 0, seen };
        Ok((plugin, Setup::new().request_head(inputs).request_body().request_stream()))
    }
}

impl RequestHead for RequestSizeLimiting {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let length = self.seen.length(inputs);
        if length.is_none() && self.requires_length && !self.seen.is_chunked(inputs) {
            return Ok(Answer::new(411).message(NO_LENGTH).reason("no-length").into());
        }
        let limit = self.limit.filter(|limit| length.is_none_or(|length| length <= *limit));
        let proceed = Proceed::new().without_response();
        Ok(match (limit, length) {
            (None, _) => self.seen.refusal(inputs).into(),
            (Some(_), Some(_)) => proceed.into(),
            (Some(limit), None) if self.seen.must_pass(limit, inputs) => {
                self.left = limit;
                proceed.stream().into()
            }
            (Some(limit), None) => proceed.buffer(limit.min(HELD)).into(),
        })
    }
}

impl RequestBody for RequestSizeLimiting {
    /// One that is too long does not come here: the gateway has refused it in Kong's words.
    fn on_request_body(&mut self, _: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        Ok(ProceedWithBody::new().into())
    }
}

impl RequestStream for RequestSizeLimiting {
    fn on_request_chunk(&mut self, chunk: Vec<u8>, _: bool) -> Chunk {
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Chunk::Forward
            }
            None => Chunk::Abort(TOO_LONG.into()),
        }
    }
}

weir_plugin_sdk::export!(RequestSizeLimiting: request_head, request_body, request_stream);

impl Seen {
    /// How long the body is, if the request says so. A number that is too large for us is longer than any limit.
    fn length(&self, inputs: &Inputs) -> Option<u64> {
        let text = inputs.text(self.length).filter(|_| !inputs.is_present(self.encoding))?.trim();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    }

    fn is_chunked(&self, inputs: &Inputs) -> bool {
        inputs.text(self.encoding).is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked"))
    }

    /// Whether a body of unknown length cannot be held until it is whole. Without chunks a request has none over
    /// HTTP/1.1, but it may have one over HTTP/2, where only those with a method that wants a body count as long.
    fn must_pass(&self, limit: u64, inputs: &Inputs) -> bool {
        let method = inputs.text(self.method).unwrap_or_default();
        let has_body = inputs.is_present(self.encoding) || ["POST", "PUT", "PATCH"].contains(&method);
        let is_grpc = inputs.text(self.kind).is_some_and(|kind| kind.starts_with("application/grpc"));
        is_grpc || (limit > HELD && has_body)
    }

    /// A client that asks first is told that its expectation was wrong.
    fn refusal(&self, inputs: &Inputs) -> Answer {
        let expect = inputs.text(self.expect).map(str::trim);
        let asks = expect.is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"));
        Answer::new(if asks { 417 } else { 413 }).message(TOO_LONG).reason("too-long")
    }
}
