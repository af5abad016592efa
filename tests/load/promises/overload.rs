//! Three times as much as there is room for, of connections or of processor time: who is in is served, who is not is
//! told at once.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use gateway_tests::{Answer, Gateway, Load, Pace, PaceReport, Upstream};
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};

use super::sized;
use crate::setup::{PATIENCE, assign, component, gateway, serve};

/// What each request takes, so that it is known how many can be answered each second: ten for each connection.
const UPSTREAM_TIME: Duration = Duration::from_millis(100);

fn pace(gateway: &Gateway, rate: u32, (kept, fresh): (u32, u32)) -> Pace {
    Pace { address: gateway.proxy, path: "/echo".to_owned(), rate, kept, fresh }
}

/// What came of three times as much as there is room for.
struct Overload {
    rate: u32,
    /// Answers with all that there is room for, in the same time.
    full: u64,
    unloaded: PaceReport,
    over: PaceReport,
    /// The slowest answer of the Admin API meanwhile.
    slowest: Duration,
}

impl Overload {
    /// Sends it for `time`.
    async fn run(
        gateway: &Gateway,
        time: Duration,
        pace: Pace,
        full: u64,
        unloaded: PaceReport,
    ) -> anyhow::Result<Self> {
        let rate = pace.rate;
        let (over, slowest) = tokio::join!(pace.run(time), administer(gateway, time));
        Ok(Self { rate, full, unloaded, over, slowest: slowest? })
    }

    /// Says the figures, and holds what no machine changes: everybody is served or told to come back.
    fn check(&self, room: &str) {
        let Self { rate, full, unloaded, over, slowest } = self;
        let good = over.times(200).len();
        let told = over.answers.iter().filter(|answer| answer.status == 503 && answer.retry_after).count();
        println!(
            "P8: {rate} requests/s for {room}: {good} answered, {:.0} % of the {full} at full load, p99 {:?}, {:?} unloaded; {told} told to \
             come back, p99 {:?}; {} closed without a word; the Admin API within {slowest:?}",
            100.0 * good as f64 / *full as f64,
            over.within(200, 0.99),
            unloaded.within(200, 0.99),
            over.within(503, 0.99),
            over.lost.len() + over.refused,
        );
        assert_eq!(good + told, over.answers.len(), "one or the other");
        assert!(told > 0 && good > 0, "{told} were told, {good} answered");
        assert!(*slowest < PATIENCE, "{slowest:?}");
    }
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
    let full = full.times(200).len() as u64;
    Overload::run(&gateway, time, paced, full, unloaded).await?.check(&format!("room for {most}"));
    Ok(())
}

/// A route whose plugin computes for about a millisecond before it lets a request pass.
async fn serve_costly(gateway: &Gateway, upstream: &Upstream) -> anyhow::Result<()> {
    serve(gateway, "echo", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/hostile")?).await?;
    ensure!(uploaded.status.is_success(), "{}", uploaded.text());
    assign(gateway, "echo", &json!({ "name": "hostile", "config": { "how": "work" } })).await?;
    let works = |answer: &Answer| answer.header("x-hostile") == "done";
    gateway.wait_for("the plugin is live", PATIENCE, "/echo", works).await.map(drop)
}

/// How long work may wait for the processor.
const MAX_QUEUE_MS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_more_work_than_the_processor_can_do_is_turned_away() -> anyhow::Result<()> {
    let time = Duration::from_millis(sized(2_000, 20_000));
    let upstream = Upstream::saying("ok").await?;
    let gateway = gateway()
        .set("WEIR_WORKERS", "1")
        .set("WEIR_MAX_QUEUE_TIME", MAX_QUEUE_MS.to_string())
        .set("WEIR_PROXY_ACCESS_LOG", "off")
        .start()
        .await?;
    serve_costly(&gateway, &upstream).await?;
    let load = Load::start(gateway.proxy, 8, "/echo", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    });
    tokio::time::sleep(time).await;
    // On a machine with other things to do some of these wait too long as well.
    let full = load.stop().await.good;
    let most = (full as f64 / time.as_secs_f64()) as u32;
    let unloaded = pace(&gateway, most / 10, (5, 0)).run(time / 2).await;
    let paced = pace(&gateway, 3 * most, (0, 600));
    let over = Overload::run(&gateway, time, paced, full, unloaded).await?;
    over.check(&format!("a processor that does {most}, {MAX_QUEUE_MS} ms to wait for it"));
    Ok(())
}
