//! The task of one call: the guest on its fiber, and beside it what carries its answer out.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme as GuestScheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::bodies::{GuestBody, PIECES, Piece};
use super::call::{Ended, Ends, FunctionHead, FunctionRequest};
use super::state::{Turns, store};
use super::{FunctionCall, FunctionState};
use crate::exchange::{RequestId, Scheme};
use crate::plugin_host::CallFailure;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::guest::{Cancel, processor_time, trapped};
use crate::plugin_host::runtime::Permit;
use crate::plugin_host::verify;

/// What came from the guest: its answer, or that it has none.
type Said = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// One call, before it begins.
pub(in crate::plugin_host) struct Task {
    core: Arc<Core>,
    _permit: Permit,
    request: Request<GuestBody>,
    id: RequestId,
    scheme: Scheme,
    head: oneshot::Sender<FunctionHead>,
    pieces: mpsc::Sender<Piece>,
    ended: Arc<Ended>,
    cancel: Arc<Cancel>,
}

impl Task {
    /// A call, and what its caller holds of it.
    pub(in crate::plugin_host) fn new(
        core: &Arc<Core>,
        permit: Permit,
        asked: FunctionRequest,
    ) -> (Self, FunctionCall) {
        let FunctionRequest { id, scheme, method, uri, headers, size } = asked;
        let (ended, cancel) = (Arc::<Ended>::default(), Arc::<Cancel>::default());
        let (upload, incoming) = mpsc::channel(PIECES);
        let (pieces, outgoing) = mpsc::channel(PIECES);
        let (head, answered) = oneshot::channel();
        let mut request = Request::new(GuestBody::new(incoming, size, Arc::clone(&cancel)));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let ends = Ends { upload, head: answered, pieces: outgoing };
        let call = FunctionCall::new(ends, Arc::clone(&ended), Arc::clone(&cancel));
        let core = Arc::clone(core);
        (Self { core, _permit: permit, request, id, scheme, head, pieces, ended, cancel }, call)
    }
}

/// Runs a call to its end, which is soon after its wall time at the latest.
pub(in crate::plugin_host) async fn run(task: Task) {
    let Task { core, _permit, request, id, scheme, head, pieces, ended, cancel } = task;
    let (answer, answered) = oneshot::channel();
    let guest = guest((&core, id), (scheme, request), answer, (&ended, &cancel));
    let outgoing = hand_out(answered, head, pieces, (&ended, &cancel));
    let mut both = pin!(async { tokio::join!(guest, outgoing) });
    tokio::select! {
        _ = &mut both => {}
        () = sleep(core.limits.wall) => {
            ended.fail(CallFailure::WallTime);
            cancel.set();
            both.await;
        }
    }
}

/// Calls the guest. Why it fails is known before anything that it holds is let go.
async fn guest(
    (core, id): (&Arc<Core>, RequestId),
    (scheme, request): (Scheme, Request<GuestBody>),
    answer: oneshot::Sender<Said>,
    (ended, cancel): (&Ended, &Arc<Cancel>),
) {
    core.services.control.call();
    let turns = Arc::<Turns>::default();
    let mut store = store(core, Some(id), cancel, Arc::clone(&turns));
    let called = {
        let mut call = pin!(called(core, &mut store, (scheme, request), answer));
        poll_fn(|context| {
            processor_time::resume();
            let polled = call.as_mut().poll(context);
            if polled.is_pending() {
                turns.suspended();
            }
            polled
        })
        .await
    };
    if let Err(error) = called {
        ended.fail(trapped(&error, &store.data().call));
    }
}

async fn called(
    core: &Core,
    store: &mut Store<FunctionState>,
    (scheme, request): (Scheme, Request<GuestBody>),
    answer: oneshot::Sender<Said>,
) -> wasmtime::Result<()> {
    let pre = core.plugin.function().ok_or_else(|| wasmtime::Error::msg("it is not a function"))?;
    let proxy = pre.instantiate_async(&mut *store).await?;
    let scheme = match scheme {
        Scheme::Http => GuestScheme::Http,
        Scheme::Https => GuestScheme::Https,
    };
    let request = store.data_mut().http().new_incoming_request(scheme, request)?;
    let answer = store.data_mut().http().new_response_outparam(answer)?;
    proxy.wasi_http_incoming_handler().call_handle(store, request, answer).await
}

/// Carries the answer to the worker, at the pace of its client.
async fn hand_out(
    answered: oneshot::Receiver<Said>,
    head: oneshot::Sender<FunctionHead>,
    pieces: mpsc::Sender<Piece>,
    (ended, cancel): (&Ended, &Cancel),
) {
    let response = match answered.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => {
            let message = format!("it answers with the error {code:?}");
            return ended.fail(CallFailure::Failed { message, retryable: false });
        }
        // Unless it failed, which is known by now.
        Err(_) => return ended.fail(CallFailure::BadAnswer("it ends without an answer".into())),
    };
    let (parts, mut body) = response.into_parts();
    match verify::status(parts.status.as_u16()) {
        Ok(status) => _ = head.send(FunctionHead { status, headers: parts.headers }),
        Err(reason) => return ended.fail(CallFailure::BadAnswer(reason)),
    }
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = cancel.wait() => return,
        };
        let piece = match frame {
            Some(Ok(frame)) => Piece::Frame(frame),
            Some(Err(error)) => return ended.fail(CallFailure::Aborted(error.to_string())),
            // A body also ends when the guest is gone that wrote it.
            None if ended.has_failed() => return,
            None => Piece::End,
        };
        let last = matches!(piece, Piece::End);
        let sent = tokio::select! {
            sent = pieces.send(piece) => sent.is_ok(),
            () = cancel.wait() => false,
        };
        if last || !sent {
            return;
        }
    }
}

/// Makes an instance and throws it away: whether one can be made is known before a request comes.
///
/// # Errors
///
/// [`CallFailure::Start`] if none can be made.
pub(crate) async fn try_out(core: &Arc<Core>) -> Result<(), CallFailure> {
    let cancel = Arc::<Cancel>::default();
    let mut store = store(core, None, &cancel, Arc::default());
    let pre = core.plugin.function().ok_or_else(|| CallFailure::Start("it is not a function".into()))?;
    let made = pre.instantiate_async(&mut store).await;
    made.map(drop).map_err(|error| CallFailure::Start(trapped(&error, &store.data().call).to_string()))
}
