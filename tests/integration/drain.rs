//! SIGTERM: what runs is finished, nothing is lost, the process ends by itself.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Client, Upstream};
use http::Response;
use http_body_util::Full;

use crate::setup::{gateway, serve};

#[tokio::test]
async fn requests_under_way_are_answered_and_the_process_ends_with_0() -> anyhow::Result<()> {
    let upstream = Upstream::start(|seen| {
        if seen.target.contains("slow") {
            std::thread::park_timeout(Duration::from_millis(700));
        }
        Response::new(Full::new(Bytes::from_static(b"done")))
    })
    .await?;
    let mut gateway = gateway().start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(gateway.proxy).await?;
        client.get("/a", &[]).await?;
        clients.push(client);
    }
    let running: Vec<_> = clients
        .into_iter()
        .map(|mut client| tokio::spawn(async move { client.get("/a/slow", &[]).await }))
        .collect();
    gateway_tests::eventually("the requests are under way", Duration::from_secs(10), || async {
        upstream.seen().iter().any(|seen| seen.target.contains("slow")) || !running.is_empty()
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    gateway.signal("TERM")?;
    for request in running {
        let answer = request.await??;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "done"));
    }
    let status = gateway.ended(Duration::from_secs(20)).await?;
    assert!(status.success(), "{status}");
    assert!(Client::connect(gateway.proxy).await.is_err(), "nobody listens any more");
    Ok(())
}
