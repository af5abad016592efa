//! Calls about bodies: a whole one, a chunk of one, what trails one.

use bytes::Bytes;
use wasmtime::component::TypedFunc;

use super::start::HOSTCALL_FUEL;
use super::wire::HeaderRef;
use super::{Held, Instance, Outcome, RequestVerdict, ResponseVerdict, verdict};
use crate::plugin_host::Direction;
use crate::plugin_host::bindings::weir::plugin::chunks::ChunkVerdict;
use crate::plugin_host::bindings::weir::plugin::types::Failure;
use crate::plugin_host::verify::CheckedOp;

type Carry = Option<&'static [u8]>;

/// `request-body.on-request-body`.
pub(crate) type OnRequestBody = TypedFunc<(Carry,), (Result<RequestVerdict<verdict::RequestBody>, Failure>,)>;
/// `response-body.on-response-body`.
pub(crate) type OnResponseBody =
    TypedFunc<(Carry,), (Result<ResponseVerdict<verdict::ResponseBody>, Failure>,)>;
/// `request-stream.on-request-chunk` and its twin.
pub(crate) type OnChunk = TypedFunc<(&'static [u8], bool), (ChunkVerdict,)>;
/// `request-trailers.on-request-trailers` and its twin.
pub(crate) type OnTrailers = TypedFunc<(&'static [HeaderRef<'static>],), (Vec<CheckedOp>,)>;

/// One call about a body.
#[derive(Debug)]
pub(crate) enum BodyWork {
    /// The body, and what the plugin left behind in earlier phases.
    Whole(Direction, Bytes, Option<Vec<u8>>),
    /// A chunk, and whether it is the last.
    Chunk(Direction, Bytes, bool),
    /// All trailers.
    Trailers(Direction, Held),
}

/// The functions for bodies that a component exports.
#[derive(Clone, Copy, Default)]
pub(crate) struct BodyCalls {
    pub(super) request_body: Option<OnRequestBody>,
    pub(super) response_body: Option<OnResponseBody>,
    pub(super) request_chunk: Option<OnChunk>,
    pub(super) response_chunk: Option<OnChunk>,
    pub(super) request_trailers: Option<OnTrailers>,
    pub(super) response_trailers: Option<OnTrailers>,
}

impl BodyCalls {
    fn chunk(&self, direction: Direction) -> wasmtime::Result<OnChunk> {
        let function = match direction {
            Direction::Request => self.request_chunk,
            Direction::Response => self.response_chunk,
        };
        function.ok_or_else(super::instance::missing)
    }

    fn trailers(&self, direction: Direction) -> wasmtime::Result<OnTrailers> {
        let function = match direction {
            Direction::Request => self.request_trailers,
            Direction::Response => self.response_trailers,
        };
        function.ok_or_else(super::instance::missing)
    }
}

/// The same calls for both ways of calling: `call`, and `call_async` with `.await`.
macro_rules! call {
    ($instance:expr, $work:expr, $call:ident $($wait:tt)*) => {{
        let calls = $instance.calls.body;
        let instance = &mut *$instance;
        match $work {
            BodyWork::Whole(Direction::Request, body, carry) => {
                let function = calls.request_body.ok_or_else(super::instance::missing)?;
                instance.hold(body);
                let said = function.$call(&mut instance.store, (carry.as_deref(),))$($wait)*;
                instance.let_go();
                Ok(said?.0.map(Outcome::RequestBody))
            }
            BodyWork::Whole(Direction::Response, body, carry) => {
                let function = calls.response_body.ok_or_else(super::instance::missing)?;
                instance.hold(body);
                let said = function.$call(&mut instance.store, (carry.as_deref(),))$($wait)*;
                instance.let_go();
                Ok(said?.0.map(Outcome::ResponseBody))
            }
            BodyWork::Chunk(direction, chunk, last) => {
                let function = calls.chunk(*direction)?;
                let (verdict,) = function.$call(&mut instance.store, (&chunk[..], *last))$($wait)*?;
                Ok(Ok(Outcome::Chunk(verdict)))
            }
            BodyWork::Trailers(direction, trailers) => {
                let function = calls.trailers(*direction)?;
                let (edits,) = function.$call(&mut instance.store, (&trailers.list(),))$($wait)*?;
                Ok(Ok(Outcome::Trailers(edits)))
            }
        }
    }};
}

impl Instance {
    pub(super) fn call_body(&mut self, work: &BodyWork) -> wasmtime::Result<Result<Outcome, Failure>> {
        call!(self, work, call)
    }

    pub(super) async fn call_body_suspending(
        &mut self,
        work: &BodyWork,
    ) -> wasmtime::Result<Result<Outcome, Failure>> {
        call!(self, work, call_async.await)
    }

    /// Puts a body where the guest can ask for it. It may answer with one of the size that can be held.
    fn hold(&mut self, body: &Bytes) {
        let most = self.store.data().core.services.max_body_bytes;
        self.store.data_mut().body.put(body.clone());
        self.store.set_hostcall_fuel(HOSTCALL_FUEL.saturating_add(most));
    }

    fn let_go(&mut self) {
        self.store.data_mut().body.take();
        self.store.set_hostcall_fuel(HOSTCALL_FUEL);
    }
}
