//! Header edits, and answers that the gateway gives in place of the upstream.

use crate::bindings::imports::weir::plugin::types::{AnswerBody, Failure, Header, HeaderOp, LocalResponse};

impl HeaderOp {
    /// Replaces every value of `name`, which is lower-case, or adds it.
    pub fn to_set(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Set(Header { name: name.into(), value: value.into() })
    }

    /// Adds one more value of `name`, which is lower-case.
    pub fn to_append(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Append(Header { name: name.into(), value: value.into() })
    }
}

/// An answer in place of the upstream's.
///
/// ```
/// use weir_plugin_sdk::{Answer, RequestVerdict};
///
/// let verdict: RequestVerdict = Answer::new(401)
///     .message("No API key found in request")
///     .header("www-authenticate", "Key")
///     .reason("no-key")
///     .into();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(LocalResponse);

impl Answer {
    /// An answer with a status of 200 to 599 and no body.
    pub fn new(status: u16) -> Self {
        Self(LocalResponse { status, headers: Vec::new(), body: AnswerBody::None, reason: String::new() })
    }

    /// A sentence for the caller. The gateway writes it in the form that the caller accepts.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.0.body = AnswerBody::Message(message.into());
        self
    }

    /// A body as it is. Say what it is with a `content-type` header.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = AnswerBody::Raw(body.into());
        self
    }

    /// Adds a header; `name` is lower-case.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// A short machine-readable reason for logs and metrics.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        self.0.reason = reason.into();
        self
    }

    pub(crate) fn into_inner(self) -> LocalResponse {
        self.0
    }
}

impl Failure {
    /// The plugin could not decide, and trying again would not help.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: false }
    }

    /// The plugin could not decide, and trying again may help. In the log phase the host repeats
    /// the batch.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: true }
    }
}
