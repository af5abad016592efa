//! The status listener: `/status`, `/status/ready` and `/metrics`, for orchestrators and Prometheus.
//!
//! It reads and never writes, but for one thing: an orchestrator may say that the node is about to
//! be drained. It runs on the control plane's runtime, so a slow scrape holds up no request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::shutdown::Drain;
use crate::telemetry::{Metrics, Readiness, StatusReport};

/// What the status listener reads.
#[derive(Clone)]
pub struct StatusSources {
    metrics: Arc<Metrics>,
    report: Arc<dyn Fn() -> StatusReport + Send + Sync>,
    told_to_drain: Arc<AtomicBool>,
    drain: Drain,
}

impl StatusSources {
    /// `report` is called at each request; it must not block.
    pub fn new(
        metrics: Arc<Metrics>,
        report: impl Fn() -> StatusReport + Send + Sync + 'static,
        drain: Drain,
    ) -> Self {
        Self { metrics, report: Arc::new(report), told_to_drain: Arc::default(), drain }
    }

    /// The state of the node, with a drain taken into account.
    pub fn report(&self) -> StatusReport {
        let mut report = (self.report)();
        if self.drain.is_draining() || self.told_to_drain.load(Ordering::Relaxed) {
            report.readiness = Readiness::Draining;
        }
        report
    }

    /// The metrics in Prometheus' text form. Takes time in proportion to the number of series.
    pub fn exposition(&self) -> String {
        self.metrics.exposition(&self.report())
    }
}

/// Content type of the metrics.
pub(super) const METRICS: &str = "text/plain; charset=UTF-8";

/// Answers on `listener` until the process ends: a draining node still says that it drains.
///
/// # Errors
///
/// The operating system's, if the listener breaks.
pub async fn serve(listener: TcpListener, sources: StatusSources) -> std::io::Result<()> {
    let drain = sources.drain.clone();
    axum::serve(listener, router(sources)).with_graceful_shutdown(async move { drain.ended().await }).await
}

fn router(sources: StatusSources) -> Router {
    Router::new()
        .route("/status", get(show_status))
        .route("/status/ready", get(show_readiness).post(begin_draining))
        .route("/metrics", get(show_metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(sources)
}

async fn show_status(State(sources): State<StatusSources>) -> Response {
    answer(StatusCode::OK, &sources.report().body(sources.metrics.totals()))
}

async fn show_readiness(State(sources): State<StatusSources>) -> Response {
    let readiness = sources.report().readiness;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    message(status, readiness.message())
}

/// `{"status":"draining"}`: the node answers that it is not ready from now on, and goes on serving.
async fn begin_draining(State(sources): State<StatusSources>, body: Bytes) -> Response {
    let asked = serde_json::from_slice::<Value>(&body).ok();
    if asked.as_ref().and_then(|asked| asked.get("status")?.as_str()) != Some("draining") {
        return message(StatusCode::BAD_REQUEST, "status must be 'draining'");
    }
    sources.told_to_drain.store(true, Ordering::Relaxed);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

async fn show_metrics(State(sources): State<StatusSources>) -> Response {
    match tokio::task::spawn_blocking(move || sources.exposition()).await {
        Ok(text) => typed(StatusCode::OK, METRICS, text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
        }
    }
}

async fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not found")
}

async fn method_not_allowed(method: Method) -> Response {
    tracing::debug!(%method, "method not allowed on the status listener");
    message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

fn message(status: StatusCode, text: &str) -> Response {
    answer(status, &json!({ "message": text }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    typed(status, "application/json; charset=utf-8", body.to_string())
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::{self, Phase};
    use crate::telemetry::ConfigurationStatus;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    fn report() -> StatusReport {
        StatusReport {
            readiness: Readiness::Ready,
            database_reachable: Some(true),
            configuration_hash: None,
            configuration: ConfigurationStatus::default(),
            plugins: Vec::new(),
        }
    }

    async fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).await.expect("connected");
        let (line, body) = request.split_once('|').unwrap_or((request, ""));
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        connection.write_all(head.as_bytes()).await.expect("written");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn orchestrators_get_kongs_answers() {
        let (trigger, drain) = shutdown::channel();
        let sources = StatusSources::new(Metrics::new("n1"), report, drain);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(serve(listener, sources));
        for (request, status, part) in [
            ("GET /status", "200", "\"reachable\":true"),
            ("GET /status/ready", "200", r#"{"message":"ready"}"#),
            ("GET /metrics", "200", "kong_node_info{node_id=\"n1\""),
            ("GET /nowhere", "404", r#"{"message":"Not found"}"#),
            ("DELETE /status", "405", r#"{"message":"Method not allowed"}"#),
            ("POST /status/ready|{\"status\":\"tired\"}", "400", "draining"),
            ("POST /status/ready|{\"status\":\"draining\"}", "204", ""),
            ("GET /status/ready", "503", r#"{"message":"draining"}"#),
        ] {
            let answer = ask(address, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
            assert!(answer.contains(part), "{request}: {answer}");
        }
        trigger.advance(Phase::Ended);
        server.await.expect("no panic").expect("a clean end");
    }
}
