//! Three times as many clients as there is room for: who is in is served, who is not is told at once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Gateway, Pace, PaceReport, Upstream};
use http::Method;
use http_body_util::Full;
use serde_json::Value;

use super::sized;
use crate::setup::{PATIENCE, gateway, serve};

/// What each request takes, so that it is known how many can be answered each second: ten for each connection.
const UPSTREAM_TIME: Duration = Duration::from_millis(100);

fn pace(gateway: &Gateway, rate: u32, (kept, fresh): (u32, u32)) -> Pace {
    Pace { address: gateway.proxy, path: "/echo".to_owned(), rate, kept, fresh }
}

/// Asks the Admin API all the time; gives the slowest answer.
async fn administer(gateway: &Gateway, time: Duration) -> anyhow::Result<Duration> {
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < time {
        let asked = Instant::now();
        gateway.apply(Method::GET, "/services", &Value::Null).await?;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(slowest)
}

/// Waits until all connections of the load before are gone.
async fn empty(gateway: &Gateway) -> anyhow::Result<()> {
    gateway.wait_for("there is room", PATIENCE, "/echo", |answer| answer.status == 200).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_more_clients_than_there_is_room_for_cost_those_inside_nothing() -> anyhow::Result<()> {
    let time = Duration::from_millis(sized(1500, 20_000));
    // Connections that there is room for.
    let room = sized(10, 50);
    let most = 10 * room;
    let answer = |_: &gateway_tests::Seen| http::Response::new(Full::new(Bytes::from_static(b"ok")));
    let upstream = Upstream::taking(UPSTREAM_TIME, answer).await?;
    let gateway = gateway()
        .set("WEIR_WORKERS", "1")
        .set("WEIR_MAX_CONNECTIONS", room.to_string())
        .set("WEIR_PROXY_ACCESS_LOG", "off")
        .start()
        .await?;
    serve(&gateway, "echo", &upstream.url()).await?;
    empty(&gateway).await?;
    let unloaded = pace(&gateway, most / 10, (room / 5, 0)).run(time / 2).await;
    empty(&gateway).await?;
    let full = pace(&gateway, most, (room, 0)).run(time).await;
    empty(&gateway).await?;
    // Whoever is turned away has its answer before its next turn.
    let paced = pace(&gateway, 3 * most, (0, 12 * room));
    let (over, slowest) = tokio::join!(paced.run(time), administer(&gateway, time));
    let slowest = slowest?;
    let good = |report: &PaceReport| report.times(200).len();
    let told = over.answers.iter().filter(|answer| answer.status == 503 && answer.retry_after).count();
    println!(
        "P8: {} requests/s for room for {most}: {} answered, {:.0} % of the {} at full load, p99 {:?}, {:?} unloaded; {told} told to come \
         back, p99 {:?}; {} closed without a word; the Admin API within {slowest:?}",
        3 * most,
        good(&over),
        100.0 * good(&over) as f64 / good(&full) as f64,
        good(&full),
        over.within(200, 0.99),
        unloaded.within(200, 0.99),
        over.within(503, 0.99),
        over.lost.len() + over.refused,
    );
    assert_eq!(good(&over) + told, over.answers.len(), "one or the other");
    assert!(told > 0 && good(&over) > 0, "{told} were told, {} answered", good(&over));
    assert!(slowest < PATIENCE, "{slowest:?}");
    Ok(())
}
