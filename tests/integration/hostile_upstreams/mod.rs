//! Upstreams that answer as no server should: each answer has one outcome, and none of them reaches another request.
//!
//! A row is what the upstream says to one request and what the client has of it. After each row a good request over
//! the same pool must have its own answer.

mod http1;
mod http2;
mod idle;

use std::time::Duration;

use gateway_tests::Gateway;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::PATIENCE;

/// What a client has in the end.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A whole answer.
    Whole(u16, String),
    /// An answer that breaks off: whoever reads it knows that it is not all.
    Cut(u16),
}

/// Whether an answer with this status breaks off. One that breaks off at once may be gone altogether.
fn is_cut(outcome: &Outcome, status: u16) -> bool {
    matches!(outcome, Outcome::Cut(found) if [status, 0].contains(found))
}

/// The gateway's own words for an upstream that makes no sense.
fn refused(outcome: &Outcome) -> bool {
    let words = "An invalid response was received from the upstream server";
    matches!(outcome, Outcome::Whole(502, body) if body.contains(words))
}

/// A service with these fields at an address, and a route for `/`.
async fn lead_to(gateway: &Gateway, protocol: &str, port: u16) -> anyhow::Result<()> {
    let service = json!({ "protocol": protocol, "host": "127.0.0.1", "port": port, "retries": 0, "read_timeout": 5000 });
    gateway.apply(Method::PUT, "/services/hostile", &service).await?;
    let route = json!({ "paths": ["/"], "service": { "name": "hostile" } });
    gateway.apply(Method::PUT, "/routes/hostile", &route).await?;
    gateway.wait_for("the route is live", PATIENCE, "/good", |answer| answer.status == 200).await?;
    Ok(())
}

/// Sends a request on a connection of its own, and reads what comes back to its end.
async fn ask(gateway: &Gateway, method: &str, path: &str, body: &[u8]) -> anyhow::Result<(Outcome, String)> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}\r\n");
    stream.write_all(head.as_bytes()).await?;
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let sending = async {
        // An answer may come before all of it is taken.
        _ = write.write_all(body).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = sending => {}
        read = tokio::time::timeout(Duration::from_secs(60), read.read_to_end(&mut answer)) => {
            // A reset after an answer is how one is cut off.
            _ = read?;
        }
    }
    Ok(parse(method, &answer))
}

/// The outcome and the head.
fn parse(method: &str, answer: &[u8]) -> (Outcome, String) {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.get(9..12).and_then(|text| text.parse().ok()).unwrap_or(0);
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let bodiless = method == "HEAD" || [204, 304].contains(&status);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let outcome = if answer.is_empty() {
        Outcome::Cut(0)
    } else if bodiless {
        Outcome::Whole(status, text(body))
    } else if lower.contains("transfer-encoding: chunked") {
        chunks(body).map_or(Outcome::Cut(status), |body| Outcome::Whole(status, body))
    } else {
        match length {
            Some(length) if body.len() != length => Outcome::Cut(status),
            Some(_) | None => Outcome::Whole(status, text(body)),
        }
    };
    (outcome, head)
}

/// The data of a chunked body that came to its end.
fn chunks(body: &[u8]) -> Option<String> {
    let mut rest = String::from_utf8_lossy(body).into_owned();
    let mut data = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return after.ends_with("\r\n").then_some(data);
        }
        data.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?.to_owned();
    }
}
