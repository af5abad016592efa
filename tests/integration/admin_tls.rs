//! The Admin API over TLS.

use gateway_tests::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway};
use crate::tls::{handshake, usual};

const TOKEN: &str = "a-token-of-twenty-letters-or-more";

#[tokio::test]
async fn the_admin_api_answers_over_tls_beside_a_listener_without() -> anyhow::Result<()> {
    let (plain, secure) = (free_port()?, free_port()?);
    let listen = format!("{plain}, {secure} http2 ssl");
    let running = gateway().set("WEIR_ADMIN_LISTEN", listen).set("WEIR_ADMIN_TOKEN", TOKEN).start().await?;
    let ask = |token: &str| {
        format!(
            "GET /services HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
    };
    // A client that says nothing keeps nobody out.
    let _silent = TcpStream::connect(secure).await?;
    for (token, want) in [(TOKEN, "HTTP/1.1 200"), ("another-token-of-twenty-letters", "HTTP/1.1 401")] {
        let tcp = TcpStream::connect(secure).await?;
        let mut stream = handshake(tcp, "localhost", &usual(&["h2", "http/1.1"])?).await?;
        stream.write_all(ask(token).as_bytes()).await?;
        let mut answer = Vec::new();
        // The other end need not say goodbye by TLS.
        _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(want), "{answer}");
    }
    let mut stream = TcpStream::connect(plain).await?;
    stream.write_all(ask(TOKEN).as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "the other listener is as it was");
    let mut stream = TcpStream::connect(secure).await?;
    stream.write_all(ask(TOKEN).as_bytes()).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
    assert!(!answer.starts_with(b"HTTP/1.1"), "nothing is told without TLS");
    drop(running);
    Ok(())
}
