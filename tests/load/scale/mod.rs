//! A large configuration on either database: its import, the start, memory, lists, writes, and how soon
//! a change is live.
//!
//! `WEIR_TEST_SCALE=100000` says how many routes; there are a tenth as many services, and ten times as
//! many consumers with a key each. What is printed stands in `docs/performance.md`.

mod file;
mod process;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gateway_tests::{Client, Database, Gateway, Postgres, Upstream, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{gateway, program};
use file::Size;

/// A list or a create takes no longer, at the median.
const ANSWERED: Duration = Duration::from_millis(50);
/// A change is live within this time, counted from the beginning of its write.
const LIVE: Duration = Duration::from_secs(1);
/// Rounds of each measurement.
const ROUNDS: usize = 21;
/// As many keys as the cache holds unless it is told otherwise.
const CACHED: usize = 250_000;
/// Connections that fill the cache.
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_on_sqlite() -> anyhow::Result<()> {
    measure("SQLite", &Database::Sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_on_postgres() -> anyhow::Result<()> {
    let server = Postgres::start_lasting()?;
    measure("Postgres", &Database::Postgres(server.database()?)).await
}

async fn measure(name: &str, database: &Database) -> anyhow::Result<()> {
    let size = Size::wanted();
    let folder = tempfile::tempdir()?;
    let upstream = Upstream::start(|_| http::Response::new(http_body_util::Full::default())).await?;
    let declared = folder.path().join("site.yaml");
    file::write(&declared, size, &upstream.url())?;
    let prefix = folder.path().join("prefix");
    let start = || gateway().database(database.clone()).prefix(&prefix).set("WEIR_PROXY_ACCESS_LOG", "off");
    std::fs::create_dir(&prefix)?;
    // The bundled plugins are compiled, and the tables made.
    stop(start().start().await?).await?;

    println!("{name}, {} routes:", size.routes);
    import(&declared, &prefix, database, size).await?;
    let began = Instant::now();
    let node = start().start().await?;
    let ready = began.elapsed();
    // A database that is slow to answer after so large an import is waited for behind the last good configuration.
    live(&node).await?;
    let (ready, live) = (ready.as_secs_f64(), began.elapsed().as_secs_f64());
    println!("  start to ready: {ready:.2} s, and to what was imported: {live:.2} s");
    let resident = |when: &str| -> anyhow::Result<()> {
        let (now, peak) =
            (process::megabytes(node.pid(), "VmRSS")?, process::megabytes(node.pid(), "VmHWM")?);
        println!("  resident {when}: {now} MB, peak {peak} MB");
        Ok(())
    };
    resident("once ready")?;
    warm(&node, size.consumers().min(CACHED)).await?;
    resident("with a warm cache")?;
    lists(&node, size).await?;
    creates(&node).await?;
    changes(&node).await?;
    resident("at the end")?;
    stop(node).await
}

async fn stop(mut node: Gateway) -> anyhow::Result<()> {
    node.signal("TERM")?;
    node.ended(Duration::from_secs(60)).await.map(drop)
}

async fn import(
    declared: &std::path::Path,
    prefix: &std::path::Path,
    database: &Database,
    size: Size,
) -> anyhow::Result<()> {
    let mut command = Command::new(program());
    command.args(["config", "import"]).arg(declared).env_clear().env("WEIR_PREFIX", prefix);
    if let Database::Postgres(url) = database {
        command.env("WEIR_DATABASE", "postgres").env("WEIR_DATABASE_URL", url);
    }
    let ran = process::run(&mut command).await?;
    println!(
        "  import of {} entities, {} MB of YAML: {:.1} s, {:.1} s of processor, peak {} MB",
        size.entities(),
        declared.metadata()?.len() >> 20,
        ran.took.as_secs_f64(),
        ran.processor.as_secs_f64(),
        ran.peak_mb
    );
    Ok(())
}

/// Waits for what was imported.
async fn live(node: &Gateway) -> anyhow::Result<()> {
    let mut client = Client::connect(node.proxy).await?;
    let began = Instant::now();
    loop {
        let answer = client.get("/guarded", &[("apikey", "key-0")]).await?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(60), "/guarded is {}", answer.status);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Calls once with each of so many keys.
async fn warm(node: &Gateway, keys: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    let address = node.proxy;
    let callers = (0..CALLERS).map(|caller| {
        tokio::spawn(async move {
            let mut client = Client::connect(address).await?;
            for key in (caller..keys).step_by(CALLERS) {
                let answer = client.get("/guarded", &[("apikey", &format!("key-{key}"))]).await?;
                ensure!(answer.status == 200, "key-{key}: {}", answer.text());
                // The server ends a connection after some thousand requests.
                if client.is_closed() || answer.header("connection") == "close" {
                    client = Client::connect(address).await?;
                }
            }
            anyhow::Ok(())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await??;
    }
    let rate = keys as f64 / began.elapsed().as_secs_f64();
    println!("  {keys} keys seen for the first time, {rate:.0} a second");
    Ok(())
}

/// Runs something some times; gives the median, which is held to the bar, and the slowest.
async fn timed(what: &str, mut work: impl AsyncFnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let began = Instant::now();
        work(round).await.with_context(|| what.to_owned())?;
        times.push(began.elapsed());
    }
    report(what, times, ANSWERED, false)
}

fn report(what: &str, mut times: Vec<Duration>, bar: Duration, of_slowest: bool) -> anyhow::Result<()> {
    times.sort_unstable();
    let (median, slowest) =
        times.get(times.len() / 2).copied().zip(times.last().copied()).context("rounds")?;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("  {what}: {:.1} ms at the median, {:.1} ms at most", ms(median), ms(slowest));
    // An unoptimised gateway is held to nothing that a clock says, and a machine that does other things
    // besides to little.
    if std::env::var_os("WEIR_TEST_PROGRAM").is_some() {
        let bar = if std::env::var_os("WEIR_TEST_SCALE").is_some() { bar } else { bar * 10 };
        let told = if of_slowest { slowest } else { median };
        ensure!(told < bar, "{what}: {told:?}, where {bar:?} are allowed");
    }
    Ok(())
}

async fn lists(node: &Gateway, size: Size) -> anyhow::Result<()> {
    let mut client = Client::connect(node.admin).await?;
    for (kind, all, tag) in [("routes", size.routes, "area-7"), ("consumers", size.consumers(), "plan-7")] {
        let deep = half_way(&mut client, kind, all).await?;
        let lists = [
            ("first page of 100", "?size=100".to_owned()),
            ("first page of 1000", "?size=1000".to_owned()),
            ("page of 100 half way", format!("?size=100{deep}")),
            ("page of 1000 half way", format!("?size=1000{deep}")),
            ("first page of 100 with a tag", format!("?size=100&tags={tag}")),
            ("first page of 100 with two tags", format!("?size=100&tags={tag},nobody")),
            ("first page of 100 with either tag", format!("?size=100&tags={tag}/nobody")),
        ];
        for (what, query) in lists {
            let path = format!("/{kind}{query}");
            timed(&format!("{kind}, {what}"), async |_| listed(&mut client, &path).await).await?;
        }
    }
    let below = "/services/service-1/routes?size=100";
    timed("routes of a service", async |_| listed(&mut client, below).await).await?;
    let below = "/consumers/consumer-1/key-auth";
    timed("keys of a consumer", async |_| listed(&mut client, below).await).await
}

/// A list to its last byte: what an unoptimised test takes to read it is not the gateway's.
async fn listed(client: &mut Client, path: &str) -> anyhow::Result<()> {
    let answer = client.get(path, &[]).await?;
    ensure!(answer.status == 200, "{path}: {}", answer.text());
    Ok(())
}

async fn page(client: &mut Client, path: &str) -> anyhow::Result<Value> {
    let answer = client.get(path, &[]).await?;
    ensure!(answer.status == 200, "{path}: {}", answer.text());
    Ok(answer.json())
}

/// What a query says to begin behind the first half; nothing where one page holds all.
async fn half_way(client: &mut Client, kind: &str, all: usize) -> anyhow::Result<String> {
    let (mut seen, mut offset) = (0, String::new());
    while seen < all / 2 {
        let found = page(client, &format!("/{kind}?size=1000{offset}")).await?;
        seen += found["data"].as_array().map_or(0, Vec::len);
        match found["offset"].as_str() {
            Some(next) => offset = format!("&offset={}", next.replace('+', "%2B").replace('=', "%3D")),
            None => break,
        }
    }
    Ok(offset)
}

async fn creates(node: &Gateway) -> anyhow::Result<()> {
    let mut client = Client::connect(node.admin).await?;
    for (what, path, body) in [
        ("route", "/services/service-0/routes", json!({ "paths": ["/new-#"] })),
        ("consumer", "/consumers", json!({ "username": "new-#" })),
        ("key", "/consumers/consumer-0/key-auth", json!({ "key": "new-#" })),
    ] {
        let create = async |round: usize| {
            let body = body.to_string().replace('#', &round.to_string());
            write(&mut client, Method::POST, path, body).await
        };
        timed(&format!("create of a {what}"), create).await?;
    }
    Ok(())
}

async fn write(client: &mut Client, method: Method, path: &str, body: String) -> anyhow::Result<()> {
    let headers = [("content-type", "application/json")];
    let answer = client.send(request(method, path, &headers, body)?).await?;
    ensure!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
    Ok(())
}

/// From the beginning of a write until the proxy does as it says.
async fn changes(node: &Gateway) -> anyhow::Result<()> {
    let mut admin = Client::connect(node.admin).await?;
    let mut proxy = Client::connect(node.proxy).await?;
    let changes = [
        (
            "a path of a route",
            Method::PATCH,
            "/routes/route-0",
            r##"{"paths":["/changed-#"]}"##,
            "/changed-#",
            200,
        ),
        (
            "a new route",
            Method::PUT,
            "/services/service-0/routes/late-#",
            r##"{"paths":["/late-#"]}"##,
            "/late-#",
            200,
        ),
        ("a route that goes", Method::DELETE, "/routes/late-#", "", "/late-#", 404),
        (
            "a service that is off",
            Method::PATCH,
            "/services/service-1#",
            r#"{"enabled":false}"#,
            "/area-#0/route-1#0",
            404,
        ),
        (
            "an assignment",
            Method::POST,
            "/routes/route-2#0/plugins",
            r#"{"name":"key-auth"}"#,
            "/area-#0/route-2#0",
            401,
        ),
    ];
    for (what, method, path, body, probe, wanted) in changes {
        let mut times = Vec::new();
        // One digit: it is a part of the numbers of routes.
        for round in 1..10 {
            let filled = |text: &str| text.replace('#', &round.to_string());
            let began = Instant::now();
            write(&mut admin, method.clone(), &filled(path), filled(body)).await.context(what)?;
            until(&mut proxy, &filled(probe), wanted).await.context(what)?;
            times.push(began.elapsed());
        }
        report(&format!("live: {what}"), times, LIVE, true)?;
    }
    Ok(())
}

/// Asks until the answer has this status.
async fn until(proxy: &mut Client, path: &str, wanted: u16) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let answer = proxy.get(path, &[]).await?;
        if answer.status == wanted {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(60), "{path} is {}", answer.status);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
