//! The server around the handlers: who calls, headers of every answer, CORS, OPTIONS, HEAD.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::access::{Caller, Denied, Peer, Role};
use super::answer::Answer;
use super::call::{Call, Query};
use super::custom_plugins::stream_logs;
use super::dispatch::dispatch;
use super::error::ApiError;
use super::guarded::Guard;
use super::paths::{Endpoint, resolve};
use super::state::{AdminState, Later};
use super::tls_listener::TlsListener;
use super::trace::Trace;
use super::unread;
use crate::shutdown::Drain;
use crate::task;
use crate::tls::Acceptor;

const LATENCY: HeaderName = HeaderName::from_static("x-kong-admin-latency");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-kong-admin-request-id");
const SERVER: HeaderValue = HeaderValue::from_static("kong/3.9.3");

/// Serves the Admin API until the drain begins, then lets running requests finish; over TLS if there is
/// something that makes handshakes.
///
/// # Errors
///
/// The listener failed in a way that accepting again does not mend.
pub async fn serve(
    (listener, tls): (TcpListener, Option<Acceptor>),
    state: AdminState,
    drain: Drain,
) -> std::io::Result<()> {
    match tls {
        Some(acceptor) => serve_on(TlsListener::start(listener, acceptor)?, state, drain).await,
        None => serve_on(listener, state, drain).await,
    }
}

async fn serve_on<L>(listener: L, state: AdminState, drain: Drain) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
    Peer: for<'s> Connected<IncomingStream<'s, L>>,
{
    let (finish, followers) = (drain.clone(), Arc::clone(&state.followers));
    let service = router(state).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        finish.started().await;
        followers.close();
    });
    tokio::select! {
        ended = async { server.await } => ended,
        () = drain.ended() => Ok(()),
    }
}

/// The Admin API as a service, for a listener of the caller's own.
pub fn router(state: AdminState) -> Router {
    Router::new().fallback(handle).with_state(state)
}

/// Answers one request; never fails.
pub(super) async fn handle(State(state): State<AdminState>, request: Request) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let body = unread::watch(body, &parts.headers);
    let request_id = Uuid::new_v4();
    let answer = task::supervise("admin request", admit(&state, &parts, body, request_id)).await;
    let broken =
        || ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred").into_answer();
    let mut response = answer.unwrap_or_else(|| broken().into_response());
    if parts.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    headers.insert(header::SERVER, SERVER);
    headers
        .insert(LATENCY, HeaderValue::from(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)));
    headers.extend(
        HeaderValue::from_str(&request_id.simple().to_string()).map(|request_id| (REQUEST_ID, request_id)),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, state.access.shared_origin(&parts));
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response
}

/// Finds out who calls, lets the handlers answer as far as that caller may go, and writes it down.
async fn admit(state: &AdminState, parts: &Parts, body: Body, request_id: Uuid) -> Response {
    let unknown = Peer::default();
    let peer = parts.extensions.get::<ConnectInfo<Peer>>().map_or(&unknown, |ConnectInfo(peer)| peer);
    let mode = state.settings.access.audit.mode;
    let called = (&parts.method, parts.uri.path());
    let trace = Trace::begin(request_id, state.clock.unix_ms(), mode, called, peer);
    // A preflight carries no token; what it learns is in the documentation.
    let caller = if parts.method == Method::OPTIONS {
        Ok(Caller::anybody())
    } else {
        Box::pin(state.access.identify(state.store.whole(), &parts.headers, peer)).await
    };
    match caller {
        Ok(caller) => {
            let trace = Arc::new(trace.of(&caller));
            let response = judge(state, parts, body, (&caller, &trace)).await;
            record(state, parts, &trace, response.status()).await;
            response
        }
        Err(denied) => {
            let recorded = is_recorded(state, &denied, peer);
            let mut response = denied.into_error().into_answer().into_response();
            let hint = match response.status() {
                StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
                StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "1")),
                _ => None,
            };
            let hint = hint.map(|(name, value)| (name, HeaderValue::from_static(value)));
            response.headers_mut().extend(hint);
            if let Some(unrecorded) = recorded {
                write_down(state, &trace, response.status(), unrecorded).await;
            }
            response
        }
    }
}

/// Whether a refusal of a stranger is written down, and how many before it were not.
fn is_recorded(state: &AdminState, denied: &Denied, peer: &Peer) -> Option<u64> {
    let (failures, now) = (&state.access.failures, Instant::now());
    let is_new = match denied {
        Denied::Unknown | Denied::Store(_) => true,
        Denied::TooMany => peer.address.is_none_or(|address| failures.is_first_refusal(address, now)),
    };
    if !is_new {
        failures.pass_over();
        return None;
    }
    failures.may_record(now)
}

/// Writes down a call of somebody known, unless its change was written down with it.
async fn record(state: &AdminState, parts: &Parts, trace: &Trace, status: StatusCode) {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
    if trace.is_recorded() || reads && status != StatusCode::FORBIDDEN {
        return;
    }
    write_down(state, trace, status, 0).await;
}

async fn write_down(state: &AdminState, trace: &Trace, status: StatusCode, unrecorded: u64) {
    if !trace.is_on() {
        return;
    }
    let attribution = trace.of_refusal(status, unrecorded);
    if let Err(error) = Box::pin(state.store.whole().record(&attribution)).await {
        let entry = serde_json::Value::from(attribution.entry);
        tracing::error!(%error, %entry, "a call cannot be written into the audit log");
    }
}

/// Answers as far as the caller may go.
async fn judge(
    state: &AdminState,
    parts: &Parts,
    body: Body,
    (caller, trace): (&Caller, &Arc<Trace>),
) -> Response {
    if let Err(error) = state.access.check_origin(parts, caller.proof) {
        return error.into_answer().into_response();
    }
    let Some((endpoint, parameters)) = resolve(parts.uri.path()) else {
        return ApiError::NotFound.into_answer().into_response();
    };
    if parts.method == Method::OPTIONS {
        return options(&endpoint, &parts.headers);
    }
    if !caller.role.may(&parts.method, &endpoint, caller.scope.is_some()) {
        let limits = if caller.scope.is_some() { " with a scope" } else { "" };
        let text = format!("the role '{}'{limits} may not do this", caller.role.name());
        return ApiError::message(StatusCode::FORBIDDEN, text).into_answer().into_response();
    }
    let state = state.guarded(Guard {
        scope: caller.scope.clone(),
        hides_secrets: caller.role == Role::ReadOnly,
        trace: trace.is_on().then(|| Arc::clone(trace)),
    });
    answer(&state, parts, body, (endpoint, parameters)).await
}

async fn answer(
    state: &AdminState,
    parts: &Parts,
    body: Body,
    (endpoint, parameters): (Endpoint, Vec<String>),
) -> Response {
    let path = parts.uri.path();
    let answer = async {
        let query = Query::read(parts.uri.query().unwrap_or_default())?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let call = Call { state, path, query, parameters, headers: &parts.headers, body };
        let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
        if !endpoint.methods().contains(method) {
            return Ok(not_allowed(&endpoint));
        }
        // Boxed: what all handlers need together is much for a task that waits for a client.
        let handled: Later<'_, Result<Response, ApiError>> = if matches!(endpoint, Endpoint::CustomPluginLogs)
        {
            Box::pin(stream_logs(call))
        } else {
            Box::pin(async { Ok(dispatch(endpoint, method, call).await?.into_response()) })
        };
        handled.await
    };
    answer.await.unwrap_or_else(|error: ApiError| error.into_answer().into_response())
}

/// 405 with the methods that there are, as RFC 9110 section 15.5.6 wants; Kong does not say them.
fn not_allowed(endpoint: &Endpoint) -> Response {
    let mut response = ApiError::MethodNotAllowed.into_answer().into_response();
    response.headers_mut().insert(header::ALLOW, allowed_methods(endpoint));
    response
}

/// The methods of a known path.
fn options(endpoint: &Endpoint, headers: &HeaderMap) -> Response {
    let mut response = Answer::no_content().into_response();
    let allow = allowed_methods(endpoint);
    response.headers_mut().insert(header::ALLOW, allow.clone());
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = asked.unwrap_or(HeaderValue::from_static("Content-Type"));
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    response
}

fn allowed_methods(endpoint: &Endpoint) -> HeaderValue {
    let mut names: Vec<&str> = endpoint.methods().iter().map(Method::as_str).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}
