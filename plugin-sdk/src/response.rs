//! The verdict on a response head.

use crate::Answer;
use crate::bindings::imports::weir::plugin::types::{BodyMode, HeaderOp};
use crate::bindings::response_head::exports::weir::plugin::response_head as raw;

pub use raw::Verdict as ResponseVerdict;

/// The response goes on, with these changes.
///
/// ```
/// use weir_plugin_sdk::{Deliver, ResponseVerdict};
///
/// let verdict: ResponseVerdict = Deliver::new().remove_header("server").into();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Deliver(raw::Proceed);

impl Default for Deliver {
    fn default() -> Self {
        Self::new()
    }
}

impl Deliver {
    /// No changes.
    pub fn new() -> Self {
        Self(raw::Proceed { status: None, edits: Vec::new(), body: BodyMode::Pass, carry: None })
    }

    /// Hands the chunks of the response's body to [`ResponseStream`](crate::ResponseStream), on this very instance.
    #[must_use]
    pub fn stream(mut self) -> Self {
        self.0.body = BodyMode::Stream;
        self
    }

    /// Holds the head back, collects up to `max_bytes` of the body, and calls
    /// [`ResponseBody`](crate::ResponseBody).
    #[must_use]
    pub fn buffer(mut self, max_bytes: u64) -> Self {
        self.0.body = BodyMode::Buffer(max_bytes);
        self
    }

    /// Another status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds several edits of the response's headers.
    #[must_use]
    pub fn edits(mut self, edits: impl IntoIterator<Item = HeaderOp>) -> Self {
        self.0.edits.extend(edits);
        self
    }

    /// Replaces every value of a response header, or adds it. `name` is lower-case.
    #[must_use]
    pub fn set_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.edits.push(HeaderOp::to_set(name, value));
        self
    }

    /// Adds one more value of a response header. `name` is lower-case.
    #[must_use]
    pub fn append_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.edits.push(HeaderOp::to_append(name, value));
        self
    }

    /// Removes every value of a response header. `name` is lower-case.
    #[must_use]
    pub fn remove_header(mut self, name: impl Into<String>) -> Self {
        self.0.edits.push(HeaderOp::Remove(name.into()));
        self
    }
}

impl From<Deliver> for ResponseVerdict {
    fn from(deliver: Deliver) -> Self {
        Self::Proceed(deliver.0)
    }
}

impl From<Answer> for ResponseVerdict {
    fn from(answer: Answer) -> Self {
        Self::Replace(answer.into_inner())
    }
}
