//! Outbound calls to servers that mean no good, and to addresses that are closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::client::Tls;
use crate::client::TlsDefaults;

/// A server that answers everybody so, again and again if `endless`.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: &'static str, endless: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        crate::task::spawn("test server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                crate::task::spawn("test connection", say(stream, answer, endless));
            }
        });
        Self { port, connections }
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }
}

async fn say(mut stream: TcpStream, answer: &str, endless: bool) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    while endless && stream.write_all(&[b'x'; 1024]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn fetch(
    url: &str,
    most: usize,
    allow: impl Fn(IpAddr) -> bool + Send + 'static,
) -> Result<FetchResponse, FetchError> {
    let fetcher = Fetcher::new(Connect::new(Tls::new(TlsDefaults::default()).unwrap()), Handle::current());
    let request = FetchRequest {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: Duration::from_millis(500),
        max_response_bytes: most,
    };
    fetcher.fetch(request, allow).await
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(answer, false).await;
    let response = fetch(&server.url("127.0.0.1"), 1000, |_| true).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_closed_address_is_not_even_connected_to() {
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    for host in ["127.0.0.1", "localhost"] {
        let refused = fetch(&server.url(host), 1000, |_| false).await;
        assert!(matches!(refused, Err(FetchError::Denied)), "{host}: {refused:?}");
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
    // The call goes to the address that was allowed, whichever the name has beside it.
    let allowed = fetch(&server.url("localhost"), 1000, |address| address.is_ipv4()).await.unwrap();
    assert_eq!(allowed.status, StatusCode::OK);
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let endless = Server::start("HTTP/1.1 200 OK\r\n\r\n", true).await;
    let begun = Instant::now();
    let refused = fetch(&endless.url("127.0.0.1"), 10_000, |_| true).await;
    assert!(matches!(refused, Err(FetchError::TooLarge)), "{refused:?}");
    let late = fetch(&endless.url("127.0.0.1"), usize::MAX, |_| true).await;
    assert!(matches!(late, Err(FetchError::Timeout)), "{late:?}");
    let silent = Server::start("", true).await;
    let refused = fetch(&silent.url("127.0.0.1"), 10_000, |_| true).await;
    assert!(refused.is_err(), "this is not HTTP: {refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn urls_with_credentials_and_other_schemes_are_refused() {
    for url in ["http://user:pw@127.0.0.1:1/", "http://user@127.0.0.1:1/", "ftp://127.0.0.1:1/", "/path"] {
        let refused = fetch(url, 1000, |_| true).await;
        assert!(matches!(refused, Err(FetchError::Url)), "{url}: {refused:?}");
    }
}

/// A server that keeps its connections open, and counts them.
async fn patient() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    crate::task::spawn("test server", async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            crate::task::spawn("test connection", patiently(stream));
        }
    });
    Server { port, connections }
}

async fn patiently(mut stream: TcpStream) {
    while answered(&mut stream).await {}
}

/// Answers one request, not at once: others may come meanwhile.
async fn answered(stream: &mut TcpStream) -> bool {
    let mut head = [0; 4096];
    let asked = stream.read(&mut head).await.is_ok_and(|bytes| bytes > 0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    asked && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_ok()
}

fn get(url: &str) -> FetchRequest {
    FetchRequest {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(5),
        max_response_bytes: 1000,
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_few_are_kept() {
    let server = patient().await;
    let fetcher = Fetcher::new(Connect::new(Tls::new(TlsDefaults::default()).unwrap()), Handle::current());
    for _ in 0..5 {
        let answer = fetcher.fetch(get(&server.url("127.0.0.1")), |_| true).await.unwrap();
        assert_eq!(answer.body, "ok");
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "one after the other");
    let many = (0..20).map(|_| {
        let (fetcher, url) = (fetcher.clone(), server.url("127.0.0.1"));
        crate::task::spawn("test call", async move { fetcher.fetch(get(&url), |_| true).await.is_ok() })
    });
    for call in many.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Some(true));
    }
    assert!(server.connections.load(Ordering::Relaxed) > 8, "side by side each needs its own");
    assert_eq!(fetcher.idle.len(), 8, "and no more of them are kept");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(fetcher.idle.len(), 0, "nor for long");
}

#[tokio::test]
async fn an_open_connection_opens_no_closed_address() {
    let server = patient().await;
    let fetcher = Fetcher::new(Connect::new(Tls::new(TlsDefaults::default()).unwrap()), Handle::current());
    fetcher.fetch(get(&server.url("localhost")), |address| address.is_ipv4()).await.unwrap();
    assert_eq!(fetcher.idle.len(), 1);
    let refused = fetcher.fetch(get(&server.url("localhost")), |_| false).await;
    assert!(matches!(refused, Err(FetchError::Denied)), "{refused:?}");
    assert_eq!(fetcher.idle.len(), 1, "it was not even looked at");
    // The same address by another name, and over TLS: another place each.
    fetcher.fetch(get(&server.url("127.0.0.1")), |_| true).await.unwrap();
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
    let tls = fetcher.fetch(get(&server.url("127.0.0.1").replace("http", "https")), |_| true).await;
    assert!(tls.is_err(), "it does not speak TLS: {tls:?}");
    assert_eq!(server.connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let fetcher = Fetcher::new(Connect::new(Tls::new(TlsDefaults::default()).unwrap()), Handle::current());
    for _ in 0..5 {
        fetcher.fetch(get(&server.url("127.0.0.1")), |_| true).await.unwrap();
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 5, "it closes after each answer");
}
