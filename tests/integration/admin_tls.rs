//! The Admin API over TLS.

use gateway_tests::{Authority, Issued, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway};
use crate::tls::{handshake, showing, usual};

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

/// What a client with this certificate hears, if the handshake goes through.
async fn ask_with(
    address: std::net::SocketAddr,
    shown: Option<&Issued>,
    (method, path): (&str, &str),
    more: &str,
) -> anyhow::Result<String> {
    let config = match shown {
        Some(shown) => showing(shown)?,
        None => usual(&["http/1.1"])?,
    };
    let mut stream = handshake(TcpStream::connect(address).await?, "localhost", &config).await?;
    let body = "name=made&host=a.test";
    let ask = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = Vec::new();
    _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
    anyhow::ensure!(!answer.is_empty(), "the connection was closed");
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_certificate_tells_who_calls_and_nobody_gets_around_it() -> anyhow::Result<()> {
    let (authority, stranger) = (Authority::new("clients")?, Authority::new("clients")?);
    let secure = free_port()?;
    let folder = tempfile::tempdir()?;
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority.pem())?;
    let running = gateway()
        .set("WEIR_ADMIN_LISTEN", format!("{secure} ssl"))
        .set("WEIR_ADMIN_AUTH", "mtls, token")
        .set("WEIR_ADMIN_TOKEN", TOKEN)
        .set("WEIR_ADMIN_SSL_CLIENT_CA", trusted.display().to_string())
        .set("WEIR_ADMIN_SSL_CLIENT_ROLES", "ops=admin, dashboard=read-only, ci=operator")
        .start()
        .await?;
    let named = |name: &str| authority.issue(&[name]);
    let (ops, dashboard) = (named("ops")?, named("dashboard")?);
    let wrong = "Kong-Admin-Token: another-token-of-twenty-letters\r\n";
    let right = format!("Kong-Admin-Token: {TOKEN}\r\n");
    let (unknown, star) = (named("intern")?, named("*")?);
    for (case, shown, ask, more, want) in [
        ("a reader reads", Some(&dashboard), ("GET", "/services"), "", "200"),
        ("a reader writes", Some(&dashboard), ("POST", "/services"), "", "403"),
        ("an admin writes", Some(&ops), ("POST", "/services"), "", "201"),
        ("a name without a role", Some(&unknown), ("GET", "/services"), "", "401"),
        ("the mark for others as a name", Some(&star), ("GET", "/services"), "", "401"),
        ("no certificate", None, ("GET", "/services"), "", "401"),
        (
            "a header that claims one",
            None,
            ("GET", "/services"),
            "X-Client-Cert: ops\r\nX-SSL-Client-CN: ops\r\n",
            "401",
        ),
        ("a certificate beside a wrong token", Some(&ops), ("GET", "/services"), wrong, "401"),
        ("a token alone", None, ("GET", "/services"), right.as_str(), "200"),
        (
            "a page of another origin",
            Some(&ops),
            ("POST", "/services"),
            "Origin: https://evil.example\r\n",
            "403",
        ),
    ] {
        let answer = ask_with(secure, shown, ask, more).await.map_err(|error| error.context(case))?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {want}")), "{case}: {answer}");
        // Five failures of a second are the limit of an address.
        if want == "401" {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    }
    let forged = stranger.issue(&["ops"])?;
    assert!(ask_with(secure, Some(&forged), ("GET", "/services"), "").await.is_err(), "of another authority");
    let stolen = Issued { chain: ops.chain.clone(), key: dashboard.key.clone() };
    assert!(ask_with(secure, Some(&stolen), ("GET", "/services"), "").await.is_err(), "without its key");
    let told = ask_with(secure, Some(&ops), ("GET", "/audit/requests"), "").await?;
    for actor in ["certificate:ops", "certificate:dashboard", "anonymous"] {
        assert!(told.contains(&format!("\"actor\":\"{actor}\"")), "{actor}: {told}");
    }
    drop(running);
    Ok(())
}

/// Many more than there may be handshakes at once, and all of them silent.
#[tokio::test]
async fn silent_clients_keep_nobody_out_of_the_admin_api() -> anyhow::Result<()> {
    let secure = free_port()?;
    let running = gateway().set("WEIR_ADMIN_LISTEN", format!("{secure} ssl")).start().await?;
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect(secure).await?);
    }
    let began = std::time::Instant::now();
    let answer = ask_with(secure, None, ("GET", "/services"), "").await?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // They would hold it for ten seconds.
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    drop((running, silent));
    Ok(())
}
