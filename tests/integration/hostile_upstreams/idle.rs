//! What comes on a connection that nobody waits on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Outcome, ask, lead_to};
use crate::setup::gateway;

/// An upstream that says something good, and a moment later something that nobody asked for.
async fn start(afterwards: &'static str) -> anyhow::Result<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(converse(stream, afterwards));
        }
    });
    Ok((port, connections))
}

async fn converse(mut stream: TcpStream, afterwards: &str) {
    let mut read = Vec::new();
    while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            _ = stream.write_all(afterwards.as_bytes()).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_speaks_unasked_carries_no_other_request() -> anyhow::Result<()> {
    for (case, afterwards, shared) in [
        ("silence", "", true),
        ("an answer", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", false),
        ("408", "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", false),
        ("a line end", "\r\n", false),
    ] {
        let (port, connections) = start(afterwards).await?;
        let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
        lead_to(&gateway, "http", port).await?;
        let before = connections.load(Ordering::Relaxed);
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let (outcome, head) = ask(&gateway, "GET", "/", b"").await?;
            assert_eq!(outcome, Outcome::Whole(200, "good".to_owned()), "{case}: {head}");
        }
        let made = connections.load(Ordering::Relaxed) - before;
        assert_eq!(made == 0, shared, "{case}: {made} connections");
    }
    Ok(())
}
