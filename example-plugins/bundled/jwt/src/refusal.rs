//! Why a request is not let in.

use serde_json::{Map, Value as Json};
use weir_plugin_sdk::{Answer, Failure, Input, exchange};

/// Where a request stops.
pub(crate) enum Stop {
    Refused(Refusal),
    Failed(Failure),
}

/// Why a request is not let in, in Kong's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    body: Map<String, Json>,
    /// For the log.
    reason: &'static str,
    has_token: bool,
}

impl Refusal {
    /// There is a token, but it is not good.
    pub(crate) fn new(message: impl Into<String>, reason: &'static str) -> Self {
        Self::of_claims([("message", message.into())], reason)
    }

    /// What is wrong with which claim.
    pub(crate) fn of_claims<const N: usize>(body: [(&str, String); N], reason: &'static str) -> Self {
        let body = body.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        Self { body, reason, has_token: true }
    }

    pub(crate) fn without_token() -> Self {
        Self { has_token: false, ..Self::new("Unauthorized", "no-token") }
    }

    /// The answer. Kong writes it as JSON, whatever the caller accepts, and without the request's id.
    pub(crate) fn answer(&self, challenge: &str) -> Answer {
        let error = if self.has_token { " error=\"invalid_token\"" } else { "" };
        let answer =
            Answer::new(401).header("www-authenticate", format!("{challenge}{error}")).reason(self.reason);
        if is_grpc() {
            // Such a caller sees headers only.
            let text = self.body.get("message").and_then(Json::as_str).unwrap_or("Unauthorized");
            return answer.message(text);
        }
        let body = Json::Object(self.body.clone()).to_string();
        answer.header("content-type", "application/json; charset=utf-8").body(body)
    }
}

/// Asked of the host, because only a refusal needs to know.
fn is_grpc() -> bool {
    let found = exchange::get_many(&[Input::Header("content-type".into())]);
    let first = found.first();
    first.is_some_and(|value| matches!(value, weir_plugin_sdk::Value::Bytes(bytes) if bytes.starts_with(b"application/grpc")))
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
