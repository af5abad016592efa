//! What a guest can be asked to do, and what it answers.

use wasmtime::component::TypedFunc;

use super::{BodyWork, EntryRef, Held, LogEntry, ValueRef};
use crate::plugin_host::bindings::exports::weir::plugin::{
    before_routing, request_body, request_head, response_body, response_head,
};
use crate::plugin_host::bindings::weir::plugin::chunks::ChunkVerdict;
use crate::plugin_host::bindings::weir::plugin::types::{BodyMode, Failure, HeaderOp};

type Said<T> = (Result<T, Failure>,);

/// `before-routing.on-before-routing`.
pub(crate) type OnBeforeRouting = TypedFunc<(&'static [ValueRef<'static>],), Said<before_routing::Verdict>>;
/// `request-head.on-request-head`.
pub(crate) type OnRequestHead = TypedFunc<(&'static [ValueRef<'static>],), Said<request_head::Verdict>>;
/// `response-head.on-response-head`.
pub(crate) type OnResponseHead =
    TypedFunc<(&'static [ValueRef<'static>], Option<&'static [u8]>), Said<response_head::Verdict>>;
/// `log-phase.on-log`.
pub(crate) type OnLog = TypedFunc<(&'static [EntryRef<'static>],), Said<()>>;

/// One call.
#[derive(Debug)]
pub(crate) enum Work {
    /// The declared inputs.
    BeforeRouting(Vec<Held>),
    /// A body, or something of one.
    Body(BodyWork),
    /// The declared inputs.
    RequestHead(Vec<Held>),
    /// The declared inputs, and what the plugin left behind in the request phases.
    ResponseHead(Vec<Held>, Option<Vec<u8>>),
    /// A batch.
    Log(Vec<LogEntry>),
}

/// What came back. Verdicts are boxed: they are large, and handed on several times.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Not yet checked.
    BeforeRouting(Box<before_routing::Verdict>),
    /// Not yet checked.
    RequestBody(Box<request_body::Verdict>),
    /// Not yet checked.
    ResponseBody(Box<response_body::Verdict>),
    /// What becomes of a chunk.
    Chunk(ChunkVerdict),
    /// Not yet checked.
    Trailers(Vec<HeaderOp>),
    /// Not yet checked.
    RequestHead(Box<request_head::Verdict>),
    /// Not yet checked.
    ResponseHead(Box<response_head::Verdict>),
    /// The batch is done.
    Logged,
}

impl Outcome {
    /// Whether the plugin wants the chunks of the body that follows: its instance is then kept for them.
    pub(crate) fn streams(&self) -> bool {
        let mode = match self {
            Self::RequestHead(verdict) => match &**verdict {
                request_head::Verdict::Proceed(proceed) => &proceed.body,
                request_head::Verdict::Respond(_) => return false,
            },
            Self::ResponseHead(verdict) => match &**verdict {
                response_head::Verdict::Proceed(proceed) => &proceed.body,
                response_head::Verdict::Replace(_) => return false,
            },
            Self::BeforeRouting(_)
            | Self::RequestBody(_)
            | Self::ResponseBody(_)
            | Self::Chunk(_)
            | Self::Trailers(_)
            | Self::Logged => return false,
        };
        matches!(mode, BodyMode::Stream)
    }
}
