//! Exchanges over real sockets, with a scripted other side that speaks HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::{Body, Frame};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::client::{
    Connect, Connection, Endpoint, ExchangeError, Pool, PoolSettings, Speaks, Tls, TlsDefaults,
};

/// A body in pieces.
struct Pieces(VecDeque<Frame<Bytes>>);

impl Pieces {
    fn of(pieces: &[&str]) -> Self {
        Self(pieces.iter().map(|piece| Frame::data(Bytes::copy_from_slice(piece.as_bytes()))).collect())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the other side does with a request.
type Behaviour = fn(Request<RecvStream>, SendResponse<Bytes>);

struct Server {
    endpoint: Endpoint,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// With room for `streams` at once; goes away after `requests` on a connection.
    async fn start(streams: u32, requests: usize, behave: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        crate::task::spawn("test server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                crate::task::spawn("test connection", serve(stream, (streams, requests), behave));
            }
        });
        let endpoint = Endpoint {
            host: "127.0.0.1".into(),
            port: address.port(),
            address: None,
            tls: None,
            speaks: Speaks::Http2,
        };
        Self { endpoint, address, connections }
    }

    async fn connection(&self, pool: &Pool<Pieces>) -> Box<Connection<Pieces>> {
        match pool.take(&self.endpoint) {
            Some(connection) => connection,
            None => pool.open(&self.endpoint, self.address, Duration::from_secs(20)).await.unwrap(),
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, (streams, requests): (u32, usize), behave: Behaviour) {
    let mut http = h2::server::Builder::new();
    let mut http = http.max_concurrent_streams(streams).handshake::<_, Bytes>(stream).await.unwrap();
    let mut served = 0;
    while let Some(Ok((request, respond))) = http.accept().await {
        behave(request, respond);
        served += 1;
        if served == requests {
            http.graceful_shutdown();
        }
    }
}

fn pool() -> Pool<Pieces> {
    let settings = PoolSettings { size: 8, max_requests: None, idle_timeout: None };
    Pool::new(settings, Connect::new(Tls::new(TlsDefaults::default()).unwrap()))
}

fn begin(connection: &mut Connection<Pieces>, body: Pieces) {
    let fields = |head: &mut crate::client::HeadWriter<'_>| {
        head.field(&header::HOST, b"up.test");
        head.field(&header::CONNECTION, b"keep-alive");
        head.field(&header::TE, b"trailers");
    };
    connection.begin(&Method::POST, "/a?b", fields, body);
}

type Answer = (u16, Vec<u8>, HeaderMap);

async fn answer(connection: &mut Connection<Pieces>) -> Result<Answer, ExchangeError> {
    let head = poll_fn(|cx| connection.poll_response(cx)).await?;
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = poll_fn(|cx| connection.poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap(),
        }
    }
    Ok((head.status.as_u16(), body, trailers))
}

async fn send(stream: &mut h2::SendStream<Bytes>, mut data: Bytes) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        _ = stream.send_data(data.split_to(room.min(data.len())), false);
    }
}

/// Sends back what came: the body as the body, trailers as trailers, and the head in headers.
fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    crate::task::spawn("echo", async move {
        let (head, mut body) = request.into_parts();
        let mut response = Response::new(());
        let authority = HeaderValue::from_str(head.uri.authority().unwrap().as_str()).unwrap();
        response.headers_mut().insert("x-authority", authority);
        assert_eq!(head.uri.path_and_query().unwrap().as_str(), "/a?b");
        assert_eq!(head.headers.get(header::TE).unwrap(), "trailers");
        let mut stream = respond.send_response(response, false).unwrap();
        while let Some(Ok(data)) = body.data().await {
            _ = body.flow_control().release_capacity(data.len());
            send(&mut stream, data).await;
        }
        match body.trailers().await.unwrap() {
            Some(trailers) => stream.send_trailers(trailers).unwrap(),
            None => stream.send_data(Bytes::new(), true).unwrap(),
        }
    });
}

fn hold(request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    crate::task::spawn("hold", async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop((request, respond));
    });
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 20 s");
}

#[tokio::test]
async fn bodies_and_trailers_go_both_ways_on_one_connection() {
    let exchanges = async {
        let (server, pool) = (Server::start(100, 0, echo).await, pool());
        let large = "x".repeat(3 << 20);
        for _ in 0..3 {
            let mut connection = server.connection(&pool).await;
            let mut body = Pieces::of(&["abc", &large, "def"]);
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("7"));
            body.0.push_back(Frame::trailers(trailers));
            begin(&mut connection, body);
            let (status, body, trailers) = answer(&mut connection).await.unwrap();
            assert_eq!((status, body.len()), (200, large.len() + 6));
            assert_eq!(trailers.get("x-sum").unwrap(), "7");
            assert!(connection.is_end_stream() && !connection.is_reusable());
        }
        assert_eq!(server.connections(), 1);
    };
    LocalSet::new().run_until(exchanges).await;
}

#[tokio::test]
async fn a_full_connection_gets_company_and_one_that_goes_away_a_successor() {
    let exchanges = async {
        let (server, pool) = (Server::start(1, 0, hold).await, pool());
        let mut first = server.connection(&pool).await;
        begin(&mut first, Pieces::of(&[]));
        _ = poll_fn(|cx| Poll::Ready(first.poll_response(cx).is_ready())).await;
        // The settings of the other side come with its first frames.
        until(|| pool.take(&server.endpoint).is_none()).await;
        let second = server.connection(&pool).await;
        until(|| server.connections() == 2).await;
        drop((first, second));

        let leaving = Server::start(100, 1, echo).await;
        let mut connection = leaving.connection(&pool).await;
        begin(&mut connection, Pieces::of(&["a"]));
        assert_eq!(answer(&mut connection).await.unwrap().1, b"a", "it finishes what it has begun");
        until(|| pool.take(&leaving.endpoint).is_none()).await;
        let mut connection = leaving.connection(&pool).await;
        begin(&mut connection, Pieces::of(&["b"]));
        assert_eq!(answer(&mut connection).await.unwrap().1, b"b");
        until(|| leaving.connections() == 2).await;
    };
    LocalSet::new().run_until(exchanges).await;
}

#[tokio::test]
async fn many_that_come_at_once_share_the_connection_that_one_of_them_makes() {
    let exchanges = async {
        let (server, pool) = (Server::start(100, 0, echo).await, pool());
        let one = || async {
            let mut connection = server.connection(&pool).await;
            begin(&mut connection, Pieces::of(&["a"]));
            answer(&mut connection).await.unwrap().0
        };
        let all = tokio::join!(one(), one(), one(), one());
        assert_eq!(all, (200, 200, 200, 200));
        assert_eq!(server.connections(), 1);
    };
    LocalSet::new().run_until(exchanges).await;
}

/// Why a request to such an upstream fails, and whether its body is given back.
async fn failure(behave: Behaviour) -> (Option<Reason>, bool) {
    let (server, pool) = (Server::start(100, 0, behave).await, pool());
    let mut connection = server.connection(&pool).await;
    begin(&mut connection, Pieces::of(&["abc"]));
    let ExchangeError::Stream(error) = answer(&mut connection).await.unwrap_err() else {
        panic!("not by a reset")
    };
    assert!(pool.take(&server.endpoint).is_some(), "the connection is good");
    let unsent = connection.take_unsent();
    assert!(unsent.as_ref().is_none_or(|unsent| unsent.taken.length() == Some(3)), "with what was read");
    (error.reason(), unsent.is_some())
}

#[tokio::test]
async fn a_refused_request_may_go_out_anew_and_one_that_was_begun_may_not() {
    let exchanges = async {
        let refused = failure(|_, mut respond| respond.send_reset(Reason::REFUSED_STREAM)).await;
        assert_eq!(refused, (Some(Reason::REFUSED_STREAM), true));
        let failed = failure(|_, mut respond| respond.send_reset(Reason::INTERNAL_ERROR)).await;
        assert_eq!(failed, (Some(Reason::INTERNAL_ERROR), false));
    };
    LocalSet::new().run_until(exchanges).await;
}

static RESETS: Mutex<Vec<Option<Reason>>> = Mutex::new(Vec::new());

#[tokio::test]
async fn who_loses_interest_resets_the_stream_and_nothing_else() {
    fn watch(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        crate::task::spawn("watch", async move {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            let reason = poll_fn(|cx| stream.poll_reset(cx)).await.ok();
            RESETS.lock().unwrap().push(reason);
            drop(request);
        });
    }
    let exchanges = async {
        let (server, pool) = (Server::start(100, 0, watch).await, pool());
        let mut connection = server.connection(&pool).await;
        begin(&mut connection, Pieces::of(&["a"]));
        poll_fn(|cx| connection.poll_response(cx)).await.unwrap();
        drop(connection);
        until(|| !RESETS.lock().unwrap().is_empty()).await;
        assert_eq!(*RESETS.lock().unwrap(), [Some(Reason::CANCEL)]);
        assert!(pool.take(&server.endpoint).is_some());
    };
    LocalSet::new().run_until(exchanges).await;
}
