//! A change of binary under load: each new process takes the sockets over, and nothing is lost or refused.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gateway_tests::{Client, Gateway, Upstream};
use http_body_util::Full;

use crate::setup::{PATIENCE, gateway, serve};

/// Changes of process.
const UPGRADES: usize = 5;

/// What the upstream takes to answer.
const UPSTREAM_TIME: Duration = Duration::from_millis(5);

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    good: u64,
    /// The connection ended without an answer on a request that went over an old one: the gateway closed it as
    /// the request was on its way.
    races: u64,
    lost: Vec<String>,
}

/// A client that asks as long as it may, on a connection that it keeps, or on a new one each time.
async fn ask(address: SocketAddr, keep: bool, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut kept: Option<Client> = None;
    while !stop.load(Ordering::Relaxed) {
        let old = kept.take().filter(|client| !client.is_closed());
        let used = old.is_some();
        let mut client = match old {
            Some(client) => client,
            None => match Client::connect(address).await {
                Ok(client) => client,
                Err(error) => {
                    seen.lost.push(format!("{error:#}"));
                    continue;
                }
            },
        };
        match client.get("/echo", &[]).await {
            Ok(answer) if answer.status == 200 => {
                seen.good += 1;
                kept = Some(client).filter(|_| keep && answer.header("connection") != "close");
            }
            Ok(answer) => seen.lost.push(answer.status.to_string()),
            Err(_) if used => seen.races += 1,
            Err(error) => seen.lost.push(format!("{error:#}")),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    seen
}

async fn process(folder: &Path, before: Option<&Gateway>) -> anyhow::Result<Gateway> {
    let builder = gateway().set("WEIR_PROXY_ACCESS_LOG", "off");
    match before {
        // The folder outlives every one of the processes.
        None => builder.prefix(folder).start().await,
        Some(before) => builder.after(before).spawn(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_takes_over_and_no_request_is_lost() -> anyhow::Result<()> {
    let upstream = Upstream::taking(UPSTREAM_TIME, |_| http::Response::new(Full::default())).await?;
    let folder = tempfile::tempdir()?;
    let mut running = process(folder.path(), None).await?;
    serve(&running, "echo", &upstream.url()).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..16).map(|number| tokio::spawn(ask(running.proxy, number % 2 == 0, Arc::clone(&stop)))).collect();
    let mut took = Vec::new();
    for _ in 0..UPGRADES {
        let began = Instant::now();
        let next = process(folder.path(), Some(&running)).await?;
        let ended = running.ended(Duration::from_secs(180)).await?;
        anyhow::ensure!(ended.success(), "{ended}: {}", running.log());
        took.push(began.elapsed());
        running = next;
        running.wait_for("the new process serves", PATIENCE, "/echo", |answer| answer.status == 200).await?;
    }
    stop.store(true, Ordering::Relaxed);
    let (mut good, mut races, mut lost) = (0, 0, Vec::new());
    for client in clients {
        let seen = client.await?;
        (good, races) = (good + seen.good, races + seen.races);
        lost.extend(seen.lost);
    }
    println!(
        "{good} requests over {UPGRADES} changes of process, {} lost, {races} races; each took {took:?}",
        lost.len()
    );
    assert!(lost.is_empty(), "{} lost, such as {:?}", lost.len(), lost.first());
    assert!(races as usize <= 2 * UPGRADES, "{races} kept connections were closed under a request");
    assert!(good > 500, "the load was a load: {good}");
    Ok(())
}
