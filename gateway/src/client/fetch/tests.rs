//! Outbound calls to servers that mean no good, and to addresses that are closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::client::Tls;

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
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                crate::task::spawn("test connection", async move {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    while endless && stream.write_all(&[b'x'; 1024]).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                });
            }
        });
        Self { port, connections }
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }
}

async fn fetch(
    url: &str,
    most: usize,
    allow: impl Fn(IpAddr) -> bool + Send + 'static,
) -> Result<FetchResponse, FetchError> {
    let fetcher = Fetcher::new(Connect::new(Tls::new().unwrap()), Handle::current());
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
