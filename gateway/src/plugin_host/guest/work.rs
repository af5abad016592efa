//! What a guest can be asked to do, and what it answers.

use wasmtime::component::TypedFunc;

use super::{EntryRef, Held, LogEntry, ValueRef};
use crate::plugin_host::bindings::exports::weir::plugin::{request_head, response_head};
use crate::plugin_host::bindings::weir::plugin::types::Failure;

type Said<T> = (Result<T, Failure>,);

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
    RequestHead(Vec<Held>),
    /// The declared inputs, and what the plugin left behind in the request phases.
    ResponseHead(Vec<Held>, Option<Vec<u8>>),
    /// A batch.
    Log(Vec<LogEntry>),
}

impl Work {
    /// The phase, as it is called in figures.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RequestHead(_) => "request-head",
            Self::ResponseHead(..) => "response-head",
            Self::Log(_) => "log",
        }
    }
}

/// What came back. Verdicts are boxed: they are large, and handed on several times.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Not yet checked.
    RequestHead(Box<request_head::Verdict>),
    /// Not yet checked.
    ResponseHead(Box<response_head::Verdict>),
    /// The batch is done.
    Logged,
}
