//! The verdicts on bodies that are held, on chunks, and on a request that has no route yet.

use crate::bindings::before_routing::exports::weir::plugin::before_routing as routing;
use crate::bindings::imports::weir::plugin::types::HeaderOp;
use crate::bindings::request_body::exports::weir::plugin::request_body as request;
use crate::bindings::response_body::exports::weir::plugin::response_body as response;
use crate::{Answer, Identity};

/// What becomes of a chunk: forwarded, replaced, dropped, or the end of the body.
pub use crate::bindings::imports::weir::plugin::chunks::ChunkVerdict as Chunk;
pub use request::Verdict as RequestBodyVerdict;
pub use response::Verdict as ResponseBodyVerdict;
pub use routing::{RoutingChange, Verdict as RoutingVerdict};

/// The request goes on with its body, both changed or not.
///
/// ```
/// use weir_plugin_sdk::{ProceedWithBody, RequestBodyVerdict};
///
/// let verdict: RequestBodyVerdict = ProceedWithBody::new().set_header("x-user", "7").replace(b"{}").into();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ProceedWithBody(request::Proceed);

impl Default for ProceedWithBody {
    fn default() -> Self {
        Self::new()
    }
}

impl ProceedWithBody {
    /// No changes.
    pub fn new() -> Self {
        Self(request::Proceed { edits: Vec::new(), body: None, carry: None, identity: None })
    }

    /// Adds one edit of the request's headers.
    #[must_use]
    pub fn edit(mut self, edit: HeaderOp) -> Self {
        self.0.edits.push(edit);
        self
    }

    /// Replaces every value of a request header, or adds it. `name` is lower-case.
    #[must_use]
    pub fn set_header(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edit(HeaderOp::to_set(name, value))
    }

    /// Sends this body in place of the client's. The gateway sets its length.
    #[must_use]
    pub fn replace(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// Handed to this plugin's later phases, in place of what the head phase left.
    #[must_use]
    pub fn carry(mut self, carry: impl Into<Vec<u8>>) -> Self {
        self.0.carry = Some(carry.into());
        self
    }

    /// Says who the caller is, by what stands in the body. Only for plugins that said
    /// [`About::authenticates`](crate::About::authenticates).
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.0.identity = Some(identity);
        self
    }
}

impl From<ProceedWithBody> for RequestBodyVerdict {
    fn from(proceed: ProceedWithBody) -> Self {
        Self::Proceed(proceed.0)
    }
}

impl From<Answer> for RequestBodyVerdict {
    fn from(answer: Answer) -> Self {
        Self::Respond(answer.into_inner())
    }
}

/// The response goes on with its body, both changed or not.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverWithBody(response::Proceed);

impl Default for DeliverWithBody {
    fn default() -> Self {
        Self::new()
    }
}

impl DeliverWithBody {
    /// No changes.
    pub fn new() -> Self {
        Self(response::Proceed { status: None, edits: Vec::new(), body: None })
    }

    /// Another status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds one edit of the response's headers.
    #[must_use]
    pub fn edit(mut self, edit: HeaderOp) -> Self {
        self.0.edits.push(edit);
        self
    }

    /// Replaces every value of a response header, or adds it. `name` is lower-case.
    #[must_use]
    pub fn set_header(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edit(HeaderOp::to_set(name, value))
    }

    /// Sends this body in place of the upstream's. The gateway sets its length.
    #[must_use]
    pub fn replace(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }
}

impl From<DeliverWithBody> for ResponseBodyVerdict {
    fn from(deliver: DeliverWithBody) -> Self {
        Self::Proceed(deliver.0)
    }
}

impl From<Answer> for ResponseBodyVerdict {
    fn from(answer: Answer) -> Self {
        Self::Replace(answer.into_inner())
    }
}

/// The request goes on to be routed, as if the client had asked so.
#[derive(Debug, Clone, PartialEq)]
pub struct ProceedToRoute(routing::Proceed);

impl Default for ProceedToRoute {
    fn default() -> Self {
        Self::new()
    }
}

impl ProceedToRoute {
    /// No changes.
    pub fn new() -> Self {
        Self(routing::Proceed { edits: Vec::new(), change: None })
    }

    /// Replaces every value of a request header, or adds it. `name` is lower-case.
    #[must_use]
    pub fn set_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.edits.push(HeaderOp::to_set(name, value));
        self
    }

    /// Changes what the route is chosen by.
    #[must_use]
    pub fn change(mut self, change: impl FnOnce(&mut RoutingChange)) -> Self {
        let none = RoutingChange { method: None, host: None, path: None, query: None };
        change(self.0.change.get_or_insert(none));
        self
    }
}

impl From<ProceedToRoute> for RoutingVerdict {
    fn from(proceed: ProceedToRoute) -> Self {
        Self::Proceed(proceed.0)
    }
}

impl From<Answer> for RoutingVerdict {
    fn from(answer: Answer) -> Self {
        Self::Respond(answer.into_inner())
    }
}
