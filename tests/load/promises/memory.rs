//! What connections take of the gateway's memory, and that they give it back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use gateway_tests::{Gateway, Pace, Upstream};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sized;
use crate::setup::{gateway, serve};

/// Connections that are opened at the same time.
const AT_ONCE: usize = 50;

/// Of the body that its client has announced.
const PART: usize = 32 << 10;

/// What a client does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// Connects and says nothing.
    Silent,
    /// Has had an answer.
    Answered,
    /// Sends a part of a head.
    InHead,
    /// Sends a part of a body.
    InBody,
}

impl Client {
    async fn connect(self, address: SocketAddr) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(address).await?;
        match self {
            Self::Silent => {}
            Self::InHead => stream.write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\nx-a: b\r\nx-b: ").await?,
            Self::Answered => {
                stream.write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\nx-a: b\r\n\r\n").await?;
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\nok") {
                    ensure!(stream.read_buf(&mut answer).await? > 0, "an answer");
                }
            }
            Self::InBody => {
                stream
                    .write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
                    .await?;
                stream.write_all(&[b'x'; PART]).await?;
            }
        }
        Ok(stream)
    }

    /// `count` of them.
    async fn many(self, address: SocketAddr, count: usize) -> anyhow::Result<Vec<TcpStream>> {
        let some = |_| {
            tokio::spawn(async move {
                let mut open = Vec::new();
                for _ in 0..count / AT_ONCE {
                    open.push(self.connect(address).await?);
                }
                anyhow::Ok(open)
            })
        };
        let tasks: Vec<_> = (0..AT_ONCE).map(some).collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await??);
        }
        Ok(all)
    }
}

/// Resident memory in KiB.
fn resident(gateway: &Gateway) -> anyhow::Result<f64> {
    told(gateway, "status", "VmRSS:")
}

/// A number that the system tells of the process, in KiB if it is memory.
fn told(gateway: &Gateway, file: &str, name: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", gateway.pid()))?;
    let number = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
    Ok(number.trim().trim_end_matches(" kB").parse()?)
}

/// Waits until the memory is `share` of `before` at most, for 20 s; gives what it is then.
async fn given_back(gateway: &Gateway, before: f64, share: f64) -> anyhow::Result<f64> {
    let began = Instant::now();
    loop {
        let now = resident(gateway)?;
        if now <= before * share || began.elapsed() > Duration::from_secs(20) {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn start() -> anyhow::Result<(Gateway, Upstream)> {
    let upstream = Upstream::start(|_| http::Response::new(Full::new(Bytes::from_static(b"ok")))).await?;
    // What is free is given back at once: what connections hold is measured, not what the allocator keeps for the next
    // ones. By itself it does so when there is some more to do.
    let builder = gateway().set("WEIR_PROXY_ACCESS_LOG", "off").set("MIMALLOC_PURGE_DELAY", "0");
    let gateway = builder.start().await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    // What is made for the first requests is there for all of them.
    drop(Client::Answered.many(gateway.proxy, AT_ONCE).await?);
    Ok((gateway, upstream))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_not_made_of_huge_pages() -> anyhow::Result<()> {
    let (gateway, _upstream) = start().await?;
    assert!(told(&gateway, "status", "THP_enabled:")?.abs() < 0.5, "not even where everybody gets them");
    // Nobody but root looks into a gateway.
    if let Ok(huge) = told(&gateway, "smaps_rollup", "AnonHugePages:") {
        assert!(huge < 0.5, "{huge} KiB of huge pages of {}", resident(&gateway)?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_9_a_connection_takes_little() -> anyhow::Result<()> {
    let count = sized(1000, 5000);
    // An unoptimised gateway has room for everything twice.
    let spare = if std::env::var_os("WEIR_TEST_PROGRAM").is_some() { 1.0 } else { 2.0 };
    for (client, most) in
        [(Client::Silent, 16.0), (Client::Answered, 16.0), (Client::InHead, 32.0), (Client::InBody, 64.0)]
    {
        let (gateway, _upstream) = start().await?;
        let before = resident(&gateway)?;
        let open = client.many(gateway.proxy, count).await?;
        let at_once = (resident(&gateway)? - before) / open.len() as f64;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let each = (resident(&gateway)? - before) / open.len() as f64;
        println!("P9: {} connections, {client:?}: {each:.1} KiB each, {at_once:.1} at first", open.len());
        assert!(each <= most * spare, "{client:?}: {each:.1} KiB of {most}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_9_ten_thousand_slow_connections_are_borne() -> anyhow::Result<()> {
    let count = sized(500, 2500);
    let (gateway, _upstream) = start().await?;
    let before = resident(&gateway)?;
    let mut open = Vec::new();
    for client in [Client::Silent, Client::InHead, Client::Answered, Client::InBody] {
        open.extend(client.many(gateway.proxy, count).await?);
    }
    let benign = Pace { address: gateway.proxy, path: "/echo".to_owned(), rate: 200, kept: 10, fresh: 2 };
    let report = benign.run(Duration::from_millis(sized(1000, 5000))).await;
    let full = resident(&gateway)?;
    let connections = open.len();
    drop(open);
    let after = given_back(&gateway, before, 1.1).await?;
    let p99 = report.within(200, 0.99);
    println!(
        "P9: {connections} slow connections: {:.0} MB, p99 of others {p99:?}; before them {:.0} MB, after them {:.0} MB",
        full / 1024.0,
        before / 1024.0,
        after / 1024.0
    );
    assert_eq!((report.races, report.refused, report.lost.len()), (0, 0, 0), "{:?}", report.lost.first());
    assert_eq!(report.times(200).len(), report.answers.len(), "all are answered");
    assert!(full < 400.0 * 1024.0, "{full} KiB");
    Ok(())
}
