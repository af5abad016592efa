//! The server around the handlers: headers of every answer, CORS, OPTIONS, HEAD.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio::net::TcpListener;

use super::answer::Answer;
use super::call::{Call, Query};
use super::custom_plugins::stream_logs;
use super::dispatch::dispatch;
use super::error::ApiError;
use super::paths::{Endpoint, resolve};
use super::state::{AdminState, Later};
use super::unread;
use crate::shutdown::Drain;
use crate::task;

const LATENCY: HeaderName = HeaderName::from_static("x-kong-admin-latency");
const SERVER: HeaderValue = HeaderValue::from_static("kong/3.9.3");

/// Serves the Admin API until the drain begins, then lets running requests finish.
///
/// # Errors
///
/// The listener failed in a way that accepting again does not mend.
pub async fn serve(listener: TcpListener, state: AdminState, drain: Drain) -> std::io::Result<()> {
    let (finish, followers) = (drain.clone(), Arc::clone(&state.followers));
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(async move {
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
    let answer = task::supervise("admin request", answer(&state, &parts, body)).await;
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
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin(&state, &parts.headers));
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response
}

async fn answer(state: &AdminState, parts: &Parts, body: Body) -> Response {
    let path = parts.uri.path();
    let Some((endpoint, parameters)) = resolve(path) else {
        return ApiError::NotFound.into_answer().into_response();
    };
    if parts.method == Method::OPTIONS {
        return options(&endpoint, &parts.headers);
    }
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

/// The origin that a browser may show the answer to, as Kong chooses it.
fn allowed_origin(state: &AdminState, headers: &HeaderMap) -> HeaderValue {
    let origin = headers.get(header::ORIGIN).cloned();
    let listed = &state.settings.gui_origins;
    match (origin, listed.first()) {
        (Some(origin), None) => origin,
        (None, None) => HeaderValue::from_static("*"),
        (Some(origin), Some(_)) if listed.iter().any(|known| known.as_bytes() == origin.as_bytes()) => origin,
        (_, Some(first)) => HeaderValue::from_str(first).unwrap_or(HeaderValue::from_static("null")),
    }
}
