//! A scripted upstream on a real socket: answers by a function, and remembers what it saw.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request as the upstream saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Whole body.
    pub body: Bytes,
    /// Trailers, if there were any.
    pub trailers: Option<HeaderMap>,
}

/// A running upstream; stops when dropped.
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Answers every request by `answer`.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start<A>(answer: A) -> anyhow::Result<Self>
    where
        A: Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    {
        Self::taking(Duration::ZERO, answer).await
    }

    /// Answers every request by `answer`, after `time`.
    ///
    /// # Errors
    ///
    /// As [`Upstream::start`].
    pub async fn taking<A>(time: Duration, answer: A) -> anyhow::Result<Self>
    where
        A: Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, time, Arc::clone(&answer), Arc::clone(&log)));
            }
        });
        Ok(Self { address, seen, task })
    }

    /// Answers every request with 200 and this body.
    ///
    /// # Errors
    ///
    /// As [`Upstream::start`].
    pub async fn saying(body: &'static str) -> anyhow::Result<Self> {
        Self::start(move |_| Response::new(Full::new(Bytes::from_static(body.as_bytes())))).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, the oldest first. Only the first 10 000 are kept.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection<A>(stream: TcpStream, time: Duration, answer: Arc<A>, log: Arc<Mutex<Vec<Seen>>>)
where
    A: Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
{
    let service = service_fn(move |request| {
        let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
        async move {
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
            Ok::<_, Infallible>(serve(request, answer.as_ref(), &log).await)
        }
    });
    // How the gateway ends its connection is for each test to judge.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve<A>(request: Request<Incoming>, answer: &A, log: &Mutex<Vec<Seen>>) -> Response<Full<Bytes>>
where
    A: Fn(&Seen) -> Response<Full<Bytes>>,
{
    let (head, body) = request.into_parts();
    let (body, trailers) = match body.collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned();
            (collected.to_bytes(), trailers)
        }
        Err(_) => (Bytes::new(), None),
    };
    let target = head.uri.to_string();
    let seen = Seen { method: head.method, target, headers: head.headers, body, trailers };
    let response = answer(&seen);
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() < 10_000 {
        log.push(seen);
    }
    response
}
