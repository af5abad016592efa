//! What a guest can be asked to do, and what it answers.

use wasmtime::component::TypedFunc;

use super::verdict;
use super::{BodyWork, EntryRef, Held, Inputs, LogEntry, RequestVerdict, ResponseVerdict};
use crate::plugin_host::Phase;
use crate::plugin_host::bindings::weir::plugin::chunks::ChunkVerdict;
use crate::plugin_host::bindings::weir::plugin::types::{BodyMode, Failure};
use crate::plugin_host::verify::CheckedOp;

type Said<T> = (Result<T, Failure>,);

/// `before-routing.on-before-routing`.
pub(crate) type OnBeforeRouting = TypedFunc<(Inputs<'static>,), Said<RequestVerdict<verdict::BeforeRouting>>>;
/// `request-head.on-request-head`.
pub(crate) type OnRequestHead = TypedFunc<(Inputs<'static>,), Said<RequestVerdict<verdict::RequestHead>>>;
/// `response-head.on-response-head`.
pub(crate) type OnResponseHead =
    TypedFunc<(Inputs<'static>, Option<&'static [u8]>), Said<ResponseVerdict<verdict::ResponseHead>>>;
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

impl Work {
    /// The phase that it belongs to.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::BeforeRouting(_) => Phase::BeforeRouting,
            Self::Body(BodyWork::Whole(direction, ..)) => direction.body(),
            Self::Body(BodyWork::Chunk(direction, ..)) => direction.stream(),
            Self::Body(BodyWork::Trailers(direction, _)) => direction.trailers(),
            Self::RequestHead(_) => Phase::RequestHead,
            Self::ResponseHead(..) => Phase::ResponseHead,
            Self::Log(_) => Phase::Log,
        }
    }
}

/// What came back, its edits checked one by one and nothing else.
#[derive(Debug)]
pub(crate) enum Outcome {
    BeforeRouting(RequestVerdict<verdict::BeforeRouting>),
    RequestBody(RequestVerdict<verdict::RequestBody>),
    ResponseBody(ResponseVerdict<verdict::ResponseBody>),
    /// What becomes of a chunk.
    Chunk(ChunkVerdict),
    Trailers(Vec<CheckedOp>),
    RequestHead(RequestVerdict<verdict::RequestHead>),
    ResponseHead(ResponseVerdict<verdict::ResponseHead>),
    /// The batch is done.
    Logged,
}

impl Outcome {
    /// Whether the plugin wants the chunks of the body that follows: its instance is then kept for them.
    pub(crate) fn streams(&self) -> bool {
        let mode = match self {
            Self::RequestHead(RequestVerdict::Proceed(proceed)) => &proceed.body,
            Self::ResponseHead(ResponseVerdict::Proceed(proceed)) => &proceed.body,
            Self::RequestHead(RequestVerdict::Respond(_))
            | Self::ResponseHead(ResponseVerdict::Replace(_))
            | Self::BeforeRouting(_)
            | Self::RequestBody(_)
            | Self::ResponseBody(_)
            | Self::Chunk(_)
            | Self::Trailers(_)
            | Self::Logged => return false,
        };
        matches!(mode, BodyMode::Stream)
    }
}
