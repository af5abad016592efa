//! The verdict on a request head.

use crate::Answer;
use crate::bindings::imports::weir::plugin::types::{BodyMode, HeaderOp};
use crate::bindings::request_head::exports::weir::plugin::request_head as raw;

pub use crate::bindings::imports::weir::plugin::types::Identity;
pub use raw::{TargetChange, Verdict as RequestVerdict};

/// The request goes on, with these changes.
///
/// ```
/// use weir_plugin_sdk::{Proceed, RequestVerdict};
///
/// let verdict: RequestVerdict = Proceed::new()
///     .set_header("x-tenant", "acme")
///     .remove_header("x-internal")
///     .set_response_header("x-served-by", "weir")
///     .into();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Proceed(raw::Proceed);

impl Default for Proceed {
    fn default() -> Self {
        Self::new()
    }
}

impl Proceed {
    /// No changes; the plugin's response phases are called if it has any.
    pub fn new() -> Self {
        Self(raw::Proceed {
            edits: Vec::new(),
            target: None,
            identity: None,
            body: BodyMode::Pass,
            response: true,
            response_edits: Vec::new(),
            carry: None,
        })
    }

    /// Adds one edit of the request's headers.
    #[must_use]
    pub fn edit(mut self, edit: HeaderOp) -> Self {
        self.0.edits.push(edit);
        self
    }

    /// Adds several edits of the request's headers.
    #[must_use]
    pub fn edits(mut self, edits: impl IntoIterator<Item = HeaderOp>) -> Self {
        self.0.edits.extend(edits);
        self
    }

    /// Replaces every value of a request header, or adds it. `name` is lower-case.
    #[must_use]
    pub fn set_header(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edit(HeaderOp::to_set(name, value))
    }

    /// Adds one more value of a request header. `name` is lower-case.
    #[must_use]
    pub fn append_header(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edit(HeaderOp::to_append(name, value))
    }

    /// Removes every value of a request header. `name` is lower-case.
    #[must_use]
    pub fn remove_header(self, name: impl Into<String>) -> Self {
        self.edit(HeaderOp::Remove(name.into()))
    }

    /// Replaces every value of a response header, or adds it, whoever answers. Spares a response
    /// phase.
    #[must_use]
    pub fn set_response_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.response_edits.push(HeaderOp::to_set(name, value));
        self
    }

    /// Adds several edits of the response's headers.
    #[must_use]
    pub fn response_edits(mut self, edits: impl IntoIterator<Item = HeaderOp>) -> Self {
        self.0.response_edits.extend(edits);
        self
    }

    /// Changes where the request goes; later calls add to earlier ones.
    #[must_use]
    pub fn target(mut self, change: impl FnOnce(&mut TargetChange)) -> Self {
        change(self.0.target.get_or_insert_with(TargetChange::default));
        self
    }

    /// Says who the caller is. Only for plugins that said [`About::authenticates`](crate::About::authenticates).
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.0.identity = Some(identity);
        self
    }

    /// Skips this plugin's response phases for this exchange.
    #[must_use]
    pub fn without_response(mut self) -> Self {
        self.0.response = false;
        self
    }

    /// Hands the chunks of the request's body to [`RequestStream`](crate::RequestStream), on this very instance.
    #[must_use]
    pub fn stream(mut self) -> Self {
        self.0.body = BodyMode::Stream;
        self
    }

    /// Holds the head back, collects up to `max_bytes` of the body, and calls
    /// [`RequestBody`](crate::RequestBody).
    #[must_use]
    pub fn buffer(mut self, max_bytes: u64) -> Self {
        self.0.body = BodyMode::Buffer(max_bytes);
        self
    }

    /// Handed to this plugin's later phases of this exchange (4 KiB by default).
    #[must_use]
    pub fn carry(mut self, carry: impl Into<Vec<u8>>) -> Self {
        self.0.carry = Some(carry.into());
        self
    }
}

#[expect(clippy::derivable_impls, reason = "the type is generated")]
impl Default for TargetChange {
    fn default() -> Self {
        Self { scheme: None, host: None, path: None, query: None, method: None, upstream: None }
    }
}

impl From<Proceed> for RequestVerdict {
    fn from(proceed: Proceed) -> Self {
        Self::Proceed(proceed.0)
    }
}

impl From<Answer> for RequestVerdict {
    fn from(answer: Answer) -> Self {
        Self::Respond(answer.into_inner())
    }
}
