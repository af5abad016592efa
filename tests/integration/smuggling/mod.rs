//! Requests that could be read in two ways, each class of them in rows: a strict upstream must never see a request
//! that was hidden in another one, and what is refused must not reach it at all.
//!
//! A row's text is sent byte for byte, each character up to U+00FF as one byte. `{T}` stands for the row's own
//! path, and `{S}` for a hidden request.

mod bodies;
mod heads;
mod rows;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_tests::{Seen, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::setup::{PATIENCE, gateway, serve};

/// How long a row's connection may stay open after its last byte, which only those do that are served.
const QUIET: Duration = Duration::from_millis(1_500);
/// Connections at the same time.
const AT_ONCE: usize = 24;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// 4xx or 5xx or a close, and nothing of it at the upstream.
    Refused,
    /// That, or one request at the upstream, as long as nothing hidden is seen.
    Safe,
    /// One request at the upstream, with this body.
    Served(&'static str),
}

/// A named request and what becomes of it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) want: Want,
}

fn bytes(text: &str, path: &str) -> Vec<u8> {
    let hidden = format!("GET {path}-hidden HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = text.replace("{S}", &hidden).replace("{T}", path);
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

/// Sends bytes and reads until the gateway closes or says no more, which it begins to within `patience`.
async fn ask(address: SocketAddr, bytes: Vec<u8>, patience: Duration) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // The gateway may close before it has all.
    _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let mut pause = patience;
    while let Ok(Ok(1..)) = tokio::time::timeout(pause, stream.read_buf(&mut answer)).await {
        pause = QUIET;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn fault(row: &Row, answer: &str, seen: &[Seen]) -> Option<String> {
    let hidden =
        seen.iter().any(|seen| seen.target.contains("-hidden") || seen.headers.contains_key("x-hidden"));
    let both = seen.iter().any(|seen| {
        seen.headers.contains_key("transfer-encoding") && seen.headers.contains_key("content-length")
    });
    let (refused, most) = match row.want {
        Want::Refused => (true, 0),
        Want::Safe => (false, 1),
        Want::Served(_) => (false, 1),
    };
    let status = answer.get(..12).unwrap_or_default();
    let is_refusal =
        answer.is_empty() || status.starts_with("HTTP/1.1 4") || status.starts_with("HTTP/1.1 50");
    let served = match row.want {
        Want::Served(body) => seen.len() == 1 && seen.iter().all(|seen| seen.body == body),
        Want::Refused | Want::Safe => true,
    };
    let bad = hidden || both || seen.len() > most || (refused && !is_refusal) || !served;
    bad.then(|| format!("{}: {:?}, upstream saw {seen:?}", row.name, answer.lines().next()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hides_in_a_request() -> anyhow::Result<()> {
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway().start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let rows = Arc::new(rows::all());
    let address = gateway.proxy;
    let (mut running, mut answers) = (JoinSet::new(), HashMap::new());
    let path = |number: usize| format!("/a/{number:04}");
    for number in 0..rows.len() {
        if running.len() >= AT_ONCE {
            answers.extend(running.join_next().await.transpose()?);
        }
        let sent = bytes(&rows[number].text, &path(number));
        let patience = match rows[number].want {
            Want::Refused | Want::Served(_) => PATIENCE,
            // Who waits for more of a request says nothing for a long time.
            Want::Safe => QUIET,
        };
        running.spawn(async move { (number, ask(address, sent, patience).await) });
    }
    while let Some(answer) = running.join_next().await {
        answers.extend([answer?]);
    }
    let all = upstream.seen();
    let mut faults = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        // What the route strips is left to tell the rows apart.
        let own = format!("/{number:04}");
        let seen: Vec<Seen> = all.iter().filter(|seen| seen.target.contains(&own)).cloned().collect();
        let answer = answers.remove(&number).unwrap_or_else(|| Ok(String::new()))?;
        faults.extend(fault(row, &answer, &seen));
    }
    let known = |seen: &Seen| {
        seen.target == "/" || (0..rows.len()).any(|n| seen.target.contains(&format!("/{n:04}")))
    };
    faults.extend(all.iter().filter(|seen| !known(seen)).map(|seen| format!("nobody's: {seen:?}")));
    println!("{} requests that could be read in two ways", rows.len());
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), rows.len(), faults.join("\n"));
    assert!(rows.len() > 300, "{} rows", rows.len());
    assert_eq!(gateway.get("/a", &[]).await?.status, 200, "and others are served");
    Ok(())
}
