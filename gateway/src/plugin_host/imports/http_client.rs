//! `http-client`: requests to hosts that were granted. The guest is suspended meanwhile.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::plugin_host::bindings::weir::plugin::http_client::{HttpError, Request, Response};
use crate::plugin_host::bindings::weir::plugin::types::Header;
use crate::plugin_host::guest::CallState;
use crate::plugin_host::{OutboundError, OutboundRequest, OutboundResponse};

const INTERFACE: &str = "weir:plugin/http-client@0.1.0";
/// Requests of one `send-all`.
const MAX_AT_ONCE: usize = 16;
/// Largest answer that a guest can ask for.
const MAX_RESPONSE: u32 = 4 << 20;
/// Longest time that a guest can ask for.
const MAX_TIMEOUT_MS: u32 = 120_000;

type One = std::result::Result<Response, HttpError>;

pub(super) fn link_denied(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap("send", |_: StoreContextMut<'_, CallState>, _: (Request,)| -> Result<(One,)> {
        Ok((Err(HttpError::Denied),))
    })?;
    instance.func_wrap(
        "send-all",
        |_: StoreContextMut<'_, CallState>, (all,): (Vec<Request>,)| -> Result<(Vec<One>,)> {
            Ok((all.iter().map(|_| Err(HttpError::Denied)).collect(),))
        },
    )
}

pub(super) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap_async("send", |context, (request,): (Request,)| {
        Box::new(async move {
            let mut answers = send_all(context, vec![request]).await?;
            Ok((answers.pop().unwrap_or(Err(HttpError::Protocol)),))
        })
    })?;
    instance.func_wrap_async("send-all", |context, (all,): (Vec<Request>,)| {
        Box::new(async move { Ok((send_all(context, all).await?,)) })
    })
}

async fn send_all(mut context: StoreContextMut<'_, CallState>, all: Vec<Request>) -> Result<Vec<One>> {
    let state = context.data_mut();
    if all.len() > MAX_AT_ONCE {
        return Ok(all.iter().map(|_| Err(HttpError::Budget)).collect());
    }
    for _ in &all {
        state.charge()?;
    }
    let outbound = Arc::clone(&state.core.services.deps.outbound);
    let cancel = Arc::clone(&state.cancel);
    let mut running = Vec::with_capacity(all.len());
    for request in all {
        let checked = checked(state, request);
        let outbound = Arc::clone(&outbound);
        running.push(async move {
            let answer = outbound.send(checked?).await.map_err(refused)?;
            Ok(response(answer))
        });
    }
    let answers = tokio::select! {
        answers = gather(running) => answers,
        () = cancel.wait() => return Err(wasmtime::Error::msg("the call was cancelled")),
    };
    state.waited = 1;
    let received: u64 = answers.iter().flatten().map(|answer| answer.body.len() as u64).sum();
    state.outbound = state.outbound.saturating_sub(received);
    Ok(answers)
}

/// Runs `all` side by side, and gives the answers in their order.
async fn gather<F: Future<Output = One>>(all: Vec<F>) -> Vec<One> {
    let mut running: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (one, answer) in &mut running {
            if answer.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *answer = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    running.into_iter().map(|(_, answer)| answer.unwrap_or(Err(HttpError::Protocol))).collect()
}

fn checked(state: &mut CallState, request: Request) -> std::result::Result<OutboundRequest, HttpError> {
    let uri: Uri = request.url.parse().map_err(|_| HttpError::Protocol)?;
    let port = match (uri.scheme_str(), uri.port_u16()) {
        (Some("http" | "https"), Some(port)) => port,
        (Some("http"), None) => 80,
        (Some("https"), None) => 443,
        _ => return Err(HttpError::Denied),
    };
    let authority = uri.authority().ok_or(HttpError::Denied)?;
    if authority.as_str().contains('@') {
        return Err(HttpError::Denied);
    }
    let grant = state.core.grants.http.as_ref().ok_or(HttpError::Denied)?;
    let allow = grant.check(authority.host(), port).ok_or(HttpError::Denied)?;
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for Header { name, value } in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Protocol)?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| HttpError::Protocol)?;
        if !matches!(
            name.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection" | "upgrade"
        ) {
            headers.append(name, value);
        }
    }
    let sent = request.url.len() as u64 + request.body.len() as u64;
    state.outbound = state.outbound.checked_sub(sent).ok_or(HttpError::Budget)?;
    let room = usize::try_from(state.outbound).unwrap_or(usize::MAX);
    Ok(OutboundRequest {
        method: Method::from_bytes(request.method.as_bytes()).map_err(|_| HttpError::Protocol)?,
        url: request.url,
        headers,
        body: request.body.into(),
        timeout: Duration::from_millis(request.timeout_ms.clamp(1, MAX_TIMEOUT_MS).into()),
        max_response_bytes: usize::try_from(request.max_response_bytes.min(MAX_RESPONSE))
            .unwrap_or_default()
            .min(room),
        allow: Arc::new(allow),
    })
}

fn response(answer: OutboundResponse) -> Response {
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_owned(),
    };
    Response {
        status: answer.status,
        headers: answer.headers.iter().map(header).collect(),
        body: answer.body.into(),
    }
}

fn refused(error: OutboundError) -> HttpError {
    match error {
        OutboundError::Denied => HttpError::Denied,
        OutboundError::Dns => HttpError::Dns,
        OutboundError::Connect => HttpError::Connect,
        OutboundError::Tls => HttpError::Tls,
        OutboundError::Timeout => HttpError::Timeout,
        OutboundError::TooLarge => HttpError::TooLarge,
        OutboundError::Protocol => HttpError::Protocol,
    }
}
