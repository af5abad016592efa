//! The disk is full: of the database, or of the folder that a gateway works in. Requests go on, writes are refused in
//! words that name the cause, and all works again when there is space.

use std::slice;
use std::time::{Duration, Instant};

use anyhow::ensure;
use gateway_tests::{Database, Gateway, GatewayBuilder, Postgres, SmallDisk, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::outage::{load, without_failure};
use crate::setup::{PATIENCE, assign, gateway, serve};
use crate::writers::Writers;

/// A write is answered within this time, whatever the answer.
const ANSWERED: Duration = Duration::from_secs(1);
/// How long a disk stays full.
const FULL: Duration = Duration::from_secs(2);

/// Works on the disk, its log and all.
fn on(disk: &SmallDisk) -> GatewayBuilder {
    let builder = gateway().prefix(&disk.outside()).under(&disk.words());
    builder.set("WEIR_PREFIX", disk.folder().display().to_string())
}

/// A route that wants a key, and the key that is known.
async fn served(gateway: &Gateway, upstream: &Upstream) -> anyhow::Result<()> {
    serve(gateway, "demo", &upstream.url()).await?;
    assign(gateway, "demo", &json!({ "name": "key-auth" })).await?;
    gateway.apply(Method::PUT, "/consumers/known", &json!({})).await?;
    for key in ["known", "seldom"] {
        gateway.apply(Method::POST, "/consumers/known/key-auth", &json!({ "key": key })).await?;
    }
    gateway.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await.map(drop)
}

/// What writes are answered for a while: how many were made and refused, and the slowest answer.
async fn writes(gateway: &Gateway, refusal: &str) -> anyhow::Result<(usize, usize, Duration)> {
    let (mut made, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    let until = Instant::now() + FULL;
    for number in 0.. {
        if Instant::now() > until && refused > 0 {
            break;
        }
        ensure!(number < 100_000, "no write is refused");
        let long = "x".repeat(4 << 10);
        let body = json!({ "username": format!("full-{number}"), "custom_id": format!("{number}-{long}") });
        let began = Instant::now();
        let answer = gateway.admin(Method::POST, "/consumers", &body).await?;
        slowest = slowest.max(began.elapsed());
        match answer.status.as_u16() {
            201 => made += 1,
            503 if answer.text().contains(refusal) => refused += 1,
            status => anyhow::bail!("{status} {}", answer.text()),
        }
    }
    Ok((made, refused, slowest))
}

/// Reading, and looking up a key that nobody has used yet, go on.
async fn can_be_read(gateway: &Gateway) -> anyhow::Result<()> {
    let shown = gateway.admin(Method::GET, "/services/demo", &Value::Null).await?;
    ensure!(shown.status == 200, "{} {}", shown.status, shown.text());
    let answer = gateway.get("/demo", &[("apikey", "seldom")]).await?;
    ensure!(answer.status == 200, "a key that nobody has used yet: {} {}", answer.status, answer.text());
    Ok(())
}

/// Writes work, without a restart.
async fn can_be_written(gateway: &Gateway) -> anyhow::Result<Duration> {
    let written = || async {
        let answer = gateway.admin(Method::PUT, "/consumers/after", &json!({})).await;
        answer.is_ok_and(|answer| answer.status == 200)
    };
    eventually("writes work again", Duration::from_secs(10), written).await
}

fn way(disk: &SmallDisk) -> &'static str {
    if disk.is_mounted() {
        "a small file system"
    } else {
        "a limit of file sizes, since nothing can be mounted"
    }
}

/// The SQLite file, the last good configuration, compiled plugins and the log are on the disk that is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_of_a_gateway_with_sqlite_costs_no_request() -> anyhow::Result<()> {
    let mut disk = SmallDisk::new(256)?;
    let upstream = Upstream::taking(Duration::from_millis(5), |_| hello()).await?;
    let gateway = on(&disk).start().await?;
    served(&gateway, &upstream).await?;
    let requests = load(&gateway);
    let writers = Writers::start([gateway.admin; 2]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    disk.fill(&[gateway.pid()])?;
    let (made, refused, slowest) = writes(&gateway, "the database cannot be written, since its disk").await?;
    can_be_read(&gateway).await?;
    disk.free(&[gateway.pid()])?;
    let again = can_be_written(&gateway).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let figures = writers.stop().await.check(slice::from_ref(&gateway)).await?;
    let good = without_failure([requests]).await;
    println!(
        "disk full under SQLite ({}): {good} requests, 0 failed; {made} writes made meanwhile, {refused} refused within {slowest:?}; \
         {figures}; written again after {again:?}",
        way(&disk)
    );
    assert!(slowest < ANSWERED, "{slowest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_of_postgres_costs_no_request() -> anyhow::Result<()> {
    let mut disk = SmallDisk::new(32)?;
    let (server, database);
    if disk.is_mounted() {
        server = Postgres::start_with(&disk)?;
        database = server.database_on(&disk)?;
    } else {
        server = Postgres::start_lasting()?;
        database = server.database()?;
    }
    let upstream = Upstream::taking(Duration::from_millis(5), |_| hello()).await?;
    let node = || gateway().database(Database::Postgres(database.clone())).start();
    let nodes = [node().await?, node().await?];
    served(&nodes[0], &upstream).await?;
    nodes[1].wait_for("the other one has it", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    let requests = nodes.each_ref().map(load);
    let writers = Writers::start(nodes.each_ref().map(|node| node.admin));
    tokio::time::sleep(Duration::from_millis(500)).await;
    if disk.is_mounted() {
        disk.fill(&[])?;
    } else {
        server.sql(&database, SAYS_FULL)?;
    }
    let (made, refused, slowest) =
        writes(&nodes[0], "the database cannot be written, since its disk is full").await?;
    for node in &nodes {
        can_be_read(node).await?;
    }
    if disk.is_mounted() {
        disk.free(&[])?;
    } else {
        server.sql(&database, "DROP TRIGGER full_disk ON entities")?;
    }
    let again = can_be_written(&nodes[0]).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let figures = writers.stop().await.check(&nodes).await?;
    let good = without_failure(requests).await;
    let way = if disk.is_mounted() { way(&disk) } else { "Postgres says so, since nothing can be mounted" };
    println!(
        "disk full under Postgres ({way}): {good} requests, 0 failed; {made} writes made meanwhile, {refused} refused within {slowest:?}; \
         {figures}; written again after {again:?}"
    );
    assert!(slowest < ANSWERED, "{slowest:?}");
    Ok(())
}

/// What a server with a full disk says to whoever writes.
const SAYS_FULL: &str = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
     CREATE TRIGGER full_disk BEFORE INSERT ON entities FOR EACH ROW EXECUTE FUNCTION full_disk()";

/// The configuration changes and cannot be saved: what was saved before stays whole, and a node that starts on the full
/// disk, its database away, serves it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_leaves_the_last_good_configuration_as_it_was() -> anyhow::Result<()> {
    let mut disk = SmallDisk::new(256)?;
    let server = Postgres::start_lasting()?;
    let database = Database::Postgres(server.database()?);
    let upstream = Upstream::saying("hello").await?;
    let mut first = on(&disk).database(database.clone()).start().await?;
    served(&first, &upstream).await?;
    let folder = disk.outside().join("last_good");
    let holds = |file: &str, text: &str| {
        std::fs::read_to_string(folder.join(file)).is_ok_and(|content| content.contains(text))
    };
    let saved = || async { holds("catalog.jsonl", "key-auth") && holds("identities.jsonl", "seldom") };
    eventually("what there is is saved", Duration::from_secs(60), saved).await?;
    let requests = load(&first);
    disk.fill(&[first.pid()])?;
    let before = std::fs::read(folder.join("catalog.jsonl"))?;
    // Larger than what was saved: it cannot take the place of a file that is written over.
    serve(&first, "during", &upstream.url()).await?;
    let told =
        || async { first.log().contains("is not saved") || !folder.join("catalog.unfinished").exists() };
    eventually("it cannot be saved", Duration::from_secs(20), told).await?;
    tokio::time::sleep(FULL).await;
    ensure!(std::fs::read(folder.join("catalog.jsonl"))? == before, "the file is another");
    ensure!(!folder.join("catalog.unfinished").exists(), "half a file is left");
    without_failure([requests]).await;
    server.kill().await?;
    first.signal("KILL")?;
    first.ended(PATIENCE).await?;
    let began = Instant::now();
    let second = on(&disk).database(database).start().await?;
    let took = began.elapsed();
    ensure!(second.get("/demo", &[]).await?.status == 401, "it serves what was saved");
    let known = second.get("/demo", &[("apikey", "known")]).await?;
    ensure!(
        known.status == 200,
        "and knows who was saved: {} {} {}",
        known.status,
        known.text(),
        second.log()
    );
    disk.free(&[second.pid()])?;
    server.start_again()?;
    let live = |answer: &gateway_tests::Answer| answer.status == 200;
    second.wait_for("what was written meanwhile", Duration::from_secs(60), "/during", live).await?;
    let saved = || async { holds("catalog.jsonl", "/during") };
    let again = eventually("it is saved by itself", Duration::from_secs(60), saved).await?;
    println!(
        "prefix full ({}): a start without Postgres took {took:?}; saved again after {again:?}",
        way(&disk)
    );
    Ok(())
}

fn hello() -> http::Response<http_body_util::Full<bytes::Bytes>> {
    http::Response::new(http_body_util::Full::new(bytes::Bytes::from("hello")))
}
