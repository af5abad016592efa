//! Attempts that are made again: at once, never twice what may not be, and never many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Client, Pace, Upstream, free_port, percentile, request};
use http::Method;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::sized;
use crate::setup::{PATIENCE, balance, gateway};

/// How long the slowest of `count` requests took that were answered with one of `statuses`.
async fn slowest(proxy: SocketAddr, path: &str, statuses: &[u16], count: usize) -> anyhow::Result<Duration> {
    let mut client = Client::connect(proxy).await?;
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let status = client.get(path, &[]).await?.status.as_u16();
        anyhow::ensure!(statuses.contains(&status), "{path}: {status}");
        times.push(began.elapsed());
    }
    Ok(percentile(&times, 1.0))
}

/// A target that takes requests, counts their first reads, and resets the connection.
async fn resetting() -> anyhow::Result<(SocketAddr, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, attempts) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&attempts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                if stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                _ = stream.set_zero_linger();
            });
        }
    });
    Ok((address, attempts))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_6_a_target_that_refuses_costs_little_and_nothing_is_sent_twice() -> anyhow::Result<()> {
    let count = sized(100, 2000);
    let well = Upstream::saying("ok").await?;
    let gateway = gateway().set("WEIR_PROXY_ACCESS_LOG", "off").start().await?;
    let gone = |count: usize| -> anyhow::Result<Vec<_>> {
        (0..count).map(|_| Ok((free_port()?.to_string(), 100))).collect()
    };
    let mut some = gone(2)?;
    some.push((well.address().to_string(), 100));
    balance(&gateway, "some", &json!({}), &some).await?;
    balance(&gateway, "none", &json!({}), &gone(3)?).await?;
    let other = slowest(gateway.proxy, "/some", &[200], count).await?;
    let none = slowest(gateway.proxy, "/none", &[502, 503], count / 10).await?;
    println!(
        "P6: two targets of three refuse, {count} requests: answered within {other:?}; all refuse: 502 or 503 within {none:?}"
    );
    assert!(other < PATIENCE && none < PATIENCE, "{other:?} {none:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_6_what_fails_altogether_is_tried_again_for_a_fifth_of_the_traffic() -> anyhow::Result<()> {
    let count = sized(100, 2000);
    // What little traffic may do beside its share would hide it.
    let builder = gateway().set("WEIR_PROXY_ACCESS_LOG", "off").set("WEIR_RETRY_BUDGET_FLOOR", "0");
    let gateway = builder.start().await?;
    let (address, attempts) = resetting().await?;
    balance(&gateway, "reset", &json!({}), &[(address.to_string(), 100)]).await?;
    attempts.store(0, Ordering::Relaxed);
    let mut client = Client::connect(gateway.proxy).await?;
    for _ in 0..count {
        let message = request(Method::POST, "/reset", &[], Bytes::from_static(b"pay"))?;
        assert_eq!(client.send(message).await?.status, 502);
    }
    let posts = attempts.swap(0, Ordering::Relaxed);

    let pace = Pace { address: gateway.proxy, path: "/reset".to_owned(), rate: 500, kept: 20, fresh: 0 };
    let time = Duration::from_millis(sized(1500, 20_000));
    let report = pace.run(time).await;
    let (asked, tried) = (report.answers.len(), attempts.load(Ordering::Relaxed));
    let again = tried.saturating_sub(asked);
    println!(
        "P6: {count} POSTs were seen {posts} times; {asked} GETs of which each fails were tried again {again} times, {:.1} %",
        100.0 * again as f64 / asked as f64
    );
    assert_eq!(posts, count, "each POST once");
    // The POSTs have earned some, too.
    assert!(again <= (asked + count) / 5, "{again} of {asked} were tried again");
    assert!(again > 0, "some are tried again");
    Ok(())
}
