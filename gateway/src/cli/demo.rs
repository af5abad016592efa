//! `weir demo-upstream`: something to proxy to, for `make run`. Not for production.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::CliError;
use super::output::say;
use crate::shutdown::EndSignals;
use crate::task;

/// Bytes of a body that are echoed.
const BODY_BYTES: usize = 64 * 1024;

/// Where to listen.
#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
}

pub(super) fn run(arguments: &Listen) -> Result<ExitCode, CliError> {
    let address = arguments.listen;
    let failed =
        |source| CliError::System { what: format!("the demo upstream cannot serve on {address}"), source };
    super::small_runtime()?.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        say(format_args!("the demo upstream listens on {address}"))?;
        serve(listener).await.map_err(failed)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let mut signals = EndSignals::listen()?;
    tokio::select! {
        ended = answer(listener) => ended,
        _ = signals.next() => Ok(()),
    }
}

/// Answers whoever connects, for as long as it is polled.
pub(super) async fn answer(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        task::spawn("demo connection", answer_all(connection));
    }
}

async fn answer_all(connection: TcpStream) {
    // An error is the client's leaving.
    _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service_fn(echo)).await;
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await;
    let body = body.map_or_else(|error| error.to_string().into(), http_body_util::Collected::to_bytes);
    let said = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "headers": headers(&head.headers),
        "body": String::from_utf8_lossy(&body),
    });
    let mut response = Response::new(Full::new(Bytes::from(format!("{said:#}\n"))));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}

/// One text for each name, values joined by commas.
fn headers(headers: &HeaderMap) -> Value {
    let joined = |name| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    headers
        .keys()
        .map(|name| (name.to_string(), Value::from(joined(name))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
