//! Health checks, passive and active, and what the Admin API says and sets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, eventually, free_port};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::setup::{PATIENCE, balance, gateway};

/// An upstream whose status a test can change at any time.
async fn switchable() -> anyhow::Result<(Upstream, Arc<AtomicU16>)> {
    let status = Arc::new(AtomicU16::new(200));
    let now = Arc::clone(&status);
    let upstream = Upstream::start(move |_| {
        let answer = Response::builder().status(now.load(Ordering::Relaxed));
        answer.body(Full::new(Bytes::new())).unwrap_or_default()
    });
    Ok((upstream.await?, status))
}

/// The health of each target by the Admin API, in no order, as `target health`.
async fn health(gateway: &Gateway, upstream: &str) -> Vec<String> {
    let path = format!("/upstreams/{upstream}/health");
    let Ok(body) = gateway.apply(Method::GET, &path, &Value::Null).await else { return Vec::new() };
    let line = |target: &Value| {
        let text = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("target"), text("health"))
    };
    let mut lines: Vec<_> = body["data"].as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

async fn is(
    gateway: &Gateway,
    upstream: &str,
    case: &str,
    want: &[(SocketAddr, &str)],
) -> anyhow::Result<Duration> {
    let mut want: Vec<_> = want.iter().map(|(address, health)| format!("{address} {health}")).collect();
    want.sort();
    let seen = eventually(case, PATIENCE, || async { health(gateway, upstream).await == want }).await;
    match seen {
        Ok(took) => Ok(took),
        Err(error) => anyhow::bail!("{error}: {:?} is not {want:?}", health(gateway, upstream).await),
    }
}

fn to(upstreams: &[&Upstream]) -> Vec<(String, u32)> {
    upstreams.iter().map(|upstream| (upstream.address().to_string(), 100)).collect()
}

#[tokio::test]
async fn passive_checks_take_a_failing_target_out_and_an_operator_puts_it_back() -> anyhow::Result<()> {
    let (bad, status) = switchable().await?;
    let (good, _) = switchable().await?;
    let (a, b) = (bad.address(), good.address());
    let gateway = gateway().start().await?;
    let checks = json!({ "healthchecks": { "passive": { "unhealthy": { "http_failures": 3, "http_statuses": [500] } } } });
    balance(&gateway, "passive", &checks, &to(&[&bad, &good])).await?;
    is(&gateway, "passive", "at first", &[(a, "HEALTHY"), (b, "HEALTHY")]).await?;
    status.store(500, Ordering::Relaxed);
    let mut client = Client::connect(gateway.proxy).await?;
    let mut failed = 0;
    for _ in 0..40 {
        failed += usize::from(client.get("/passive", &[]).await?.status == 500);
    }
    assert_eq!(failed, 3, "three failures reach the limit, and no request more goes there");
    is(&gateway, "passive", "out", &[(a, "UNHEALTHY"), (b, "HEALTHY")]).await?;
    // A change of something else leaves it so.
    gateway.apply(Method::PUT, "/services/another", &json!({ "url": "http://127.0.0.1:1" })).await?;
    gateway.apply(Method::PATCH, "/upstreams/passive", &json!({ "tags": ["x"] })).await?;
    is(&gateway, "passive", "still out", &[(a, "UNHEALTHY"), (b, "HEALTHY")]).await?;
    status.store(200, Ordering::Relaxed);
    let path = format!("/upstreams/passive/targets/{a}/healthy");
    assert_eq!(gateway.admin(Method::PUT, &path, &Value::Null).await?.status, 204);
    is(&gateway, "passive", "back", &[(a, "HEALTHY"), (b, "HEALTHY")]).await?;
    for (path, status) in [
        (format!("/upstreams/passive/targets/{a}/{a}/unhealthy"), 204),
        (format!("/upstreams/passive/targets/{a}/{b}/unhealthy"), 404),
        ("/upstreams/passive/targets/10.0.0.1:80/unhealthy".to_owned(), 404),
        ("/upstreams/none/targets/10.0.0.1:80/unhealthy".to_owned(), 404),
    ] {
        assert_eq!(gateway.admin(Method::PUT, &path, &Value::Null).await?.status, status, "{path}");
    }
    is(&gateway, "passive", "by hand", &[(a, "UNHEALTHY"), (b, "HEALTHY")]).await?;
    Ok(())
}

#[tokio::test]
async fn refusals_and_timeouts_count_too() -> anyhow::Result<()> {
    let good = Upstream::saying("good").await?;
    let hung = TcpListener::bind("127.0.0.1:0").await?;
    let (refused, late, fine) = (free_port()?, hung.local_addr()?, good.address());
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    let checks =
        json!({ "healthchecks": { "passive": { "unhealthy": { "tcp_failures": 2, "timeouts": 1 } } } });
    let targets: Vec<_> = [refused, late, fine].iter().map(|at| (at.to_string(), 100)).collect();
    balance(&gateway, "count", &checks, &targets).await?;
    gateway.apply(Method::PATCH, "/services/count", &json!({ "read_timeout": 200 })).await?;
    let asked = || async {
        let mut good = true;
        for _ in 0..6 {
            good &= gateway.get("/count", &[]).await.is_ok_and(|answer| answer.text() == "good");
        }
        good && health(&gateway, "count").await.iter().filter(|line| line.ends_with(" UNHEALTHY")).count()
            == 2
    };
    eventually("both are out", PATIENCE, asked).await?;
    is(&gateway, "count", "both", &[(refused, "UNHEALTHY"), (late, "UNHEALTHY"), (fine, "HEALTHY")]).await?;
    let path = format!("/upstreams/count/targets/{fine}/unhealthy");
    assert_eq!(gateway.admin(Method::PUT, &path, &Value::Null).await?.status, 204);
    let answer = gateway.get("/count", &[("accept", "application/json")]).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["message"].as_str().map(str::to_owned)),
        (503, Some("failure to get a peer from the ring-balancer".to_owned()))
    );
    let whole = gateway.apply(Method::GET, "/upstreams/count/health?balancer_health=1", &Value::Null).await?;
    assert_eq!(whole["data"]["health"], "UNHEALTHY");
    assert_eq!(whole["data"]["details"]["weight"], json!({"total": 300, "available": 0, "unavailable": 300}));
    Ok(())
}

#[tokio::test]
async fn active_checks_take_a_target_out_and_back_without_any_request() -> anyhow::Result<()> {
    let (flapping, status) = switchable().await?;
    let (good, _) = switchable().await?;
    let (a, b) = (flapping.address(), good.address());
    let gateway = gateway().start().await?;
    let checks = json!({ "healthchecks": { "active": {
        "http_path": "/status", "headers": { "x-probe": ["1", "2"] },
        "healthy": { "interval": 0.1, "successes": 2 }, "unhealthy": { "interval": 0.1, "http_failures": 2 },
    } } });
    balance(&gateway, "active", &checks, &to(&[&flapping, &good])).await?;
    for _ in 0..2 {
        status.store(503, Ordering::Relaxed);
        is(&gateway, "active", "out", &[(a, "UNHEALTHY"), (b, "HEALTHY")]).await?;
        for _ in 0..10 {
            assert_eq!(gateway.get("/active", &[]).await?.status, 200, "only the good one is asked");
        }
        status.store(200, Ordering::Relaxed);
        is(&gateway, "active", "back", &[(a, "HEALTHY"), (b, "HEALTHY")]).await?;
    }
    let seen = flapping.seen();
    let probe = seen.iter().find(|seen| seen.target == "/status").expect("a probe");
    let header = |name: &str| {
        let values = probe.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!((header("x-probe"), header("host")), (vec!["1".into(), "2".into()], vec![a.to_string()]));
    // Nobody probes an upstream that is gone.
    gateway.apply(Method::DELETE, "/services/active", &Value::Null).await.ok();
    gateway.apply(Method::DELETE, "/upstreams/active", &Value::Null).await?;
    let quiet = || async {
        let before = good.seen().len();
        tokio::time::sleep(Duration::from_millis(400)).await;
        good.seen().len() == before
    };
    eventually("the probes have ended", PATIENCE, quiet).await?;
    Ok(())
}

#[tokio::test]
async fn a_port_that_takes_connections_is_healthy_to_a_probe_of_tcp() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (open, closed) = (listener.local_addr()?, free_port()?);
    let gateway = gateway().start().await?;
    let checks = json!({ "healthchecks": { "active": { "type": "tcp",
        "healthy": { "interval": 0.1, "successes": 1 }, "unhealthy": { "interval": 0.1, "tcp_failures": 1 } } } });
    let targets: Vec<_> = [open, closed].iter().map(|at| (at.to_string(), 100)).collect();
    balance(&gateway, "tcp", &checks, &targets).await?;
    is(&gateway, "tcp", "by their ports", &[(open, "HEALTHY"), (closed, "UNHEALTHY")]).await?;
    drop(listener);
    is(&gateway, "tcp", "closed too", &[(open, "UNHEALTHY"), (closed, "UNHEALTHY")]).await?;
    let reopened = TcpListener::bind(open).await?;
    is(&gateway, "tcp", "open again", &[(open, "HEALTHY"), (closed, "UNHEALTHY")]).await?;
    let metrics = gateway_tests::Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
    for (address, state, value) in [(open, "healthy", 1), (open, "unhealthy", 0), (closed, "unhealthy", 1)] {
        let line = format!(
            "kong_upstream_target_health{{upstream=\"tcp\",target=\"{address}\",address=\"{address}\",state=\"{state}\",subsystem=\"http\"}} {value}"
        );
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    drop(reopened);
    Ok(())
}

#[tokio::test]
async fn health_is_off_and_the_threshold_is_heeded() -> anyhow::Result<()> {
    let (a, b) = (Upstream::saying("a").await?, Upstream::saying("b").await?);
    let gateway = gateway().start().await?;
    balance(&gateway, "off", &json!({}), &to(&[&a])).await?;
    is(&gateway, "off", "nothing checks", &[(a.address(), "HEALTHCHECKS_OFF")]).await?;
    let entry = gateway.apply(Method::GET, "/upstreams/off/health", &Value::Null).await?["data"][0].clone();
    let port = a.address().port();
    assert_eq!(
        entry["data"],
        json!({"host": "127.0.0.1", "port": port, "dns": "ttl=0, virtual SRV", "nodeWeight": 100,
            "weight": {"total": 100, "available": 100, "unavailable": 0},
            "addresses": [{"ip": "127.0.0.1", "port": port, "weight": 100, "health": "HEALTHCHECKS_OFF"}]})
    );
    let half =
        json!({ "healthchecks": { "threshold": 50, "passive": { "unhealthy": { "tcp_failures": 1 } } } });
    balance(&gateway, "half", &half, &to(&[&a, &b])).await?;
    assert_eq!(gateway.get("/half", &[]).await?.status, 200);
    let path = format!("/upstreams/half/targets/{}/unhealthy", a.address());
    gateway.admin(Method::PUT, &path, &Value::Null).await?;
    assert_eq!(gateway.get("/half", &[]).await?.status, 503, "50 % is not more than 50 %");
    gateway.apply(Method::PATCH, "/upstreams/half", &json!({ "healthchecks": { "threshold": 49 } })).await?;
    gateway.wait_for("49 % is enough", PATIENCE, "/half", |answer| answer.text() == "b").await?;
    Ok(())
}

/// A target on a port of its own that can be killed and started again.
struct Killable {
    address: SocketAddr,
    alive: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
}

impl Killable {
    async fn start() -> anyhow::Result<Self> {
        let (alive, served) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let address = free_port()?;
        let (lives, count) = (Arc::clone(&alive), Arc::clone(&served));
        tokio::spawn(live(address, lives, count));
        eventually("it listens", PATIENCE, || async { Client::connect(address).await.is_ok() }).await?;
        Ok(Self { address, alive, served })
    }
}

/// Serves while it is to live.
async fn live(address: SocketAddr, lives: Arc<AtomicBool>, count: Arc<AtomicUsize>) {
    loop {
        let alive = lives.load(Ordering::Relaxed);
        let running = if alive { serve_at(address, &count).await.ok() } else { None };
        while lives.load(Ordering::Relaxed) == running.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Answers 200 at an address until the handle is dropped; its connections end with it.
async fn serve_at(address: SocketAddr, count: &Arc<AtomicUsize>) -> anyhow::Result<Serving> {
    let listener = TcpListener::bind(address).await?;
    let count = Arc::clone(count);
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve_one(stream, Arc::clone(&count)));
        }
    });
    Ok(Serving(task))
}

async fn serve_one(stream: tokio::net::TcpStream, count: Arc<AtomicUsize>) {
    let service = hyper::service::service_fn(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"ok")))) }
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

struct Serving(tokio::task::JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks until it is to stop; how often, and how often in vain.
async fn ask(proxy: SocketAddr, stop: Arc<AtomicBool>) -> anyhow::Result<(usize, usize)> {
    let (mut sent, mut failed) = (0, 0);
    let mut client = Client::connect(proxy).await?;
    while !stop.load(Ordering::Relaxed) {
        sent += 1;
        failed += usize::from(client.get("/die", &[]).await?.status != 200);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok((sent, failed))
}

#[tokio::test]
async fn a_target_that_dies_and_comes_back_under_load_costs_next_to_nothing() -> anyhow::Result<()> {
    let (one, two, three) = (Killable::start().await?, Killable::start().await?, Killable::start().await?);
    let gateway = gateway().start().await?;
    let checks = json!({ "healthchecks": {
        "passive": { "unhealthy": { "tcp_failures": 2, "timeouts": 2, "http_failures": 5 } },
        "active": { "type": "tcp", "timeout": 1,
            "healthy": { "interval": 1, "successes": 1 }, "unhealthy": { "interval": 0.5, "tcp_failures": 2 } },
    } });
    let targets: Vec<_> = [&one, &two, &three].iter().map(|at| (at.address.to_string(), 100)).collect();
    balance(&gateway, "die", &checks, &targets).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = Vec::new();
    for _ in 0..4 {
        let (proxy, stop) = (gateway.proxy, Arc::clone(&stop));
        load.push(tokio::spawn(ask(proxy, stop)));
    }
    let mut recovered = Duration::ZERO;
    for _ in 0..2 {
        one.alive.store(false, Ordering::Relaxed);
        is(
            &gateway,
            "die",
            "out",
            &[(one.address, "UNHEALTHY"), (two.address, "HEALTHY"), (three.address, "HEALTHY")],
        )
        .await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        one.alive.store(true, Ordering::Relaxed);
        let began = Instant::now();
        let before = one.served.load(Ordering::Relaxed);
        is(
            &gateway,
            "die",
            "back",
            &[(one.address, "HEALTHY"), (two.address, "HEALTHY"), (three.address, "HEALTHY")],
        )
        .await?;
        eventually("it serves", PATIENCE, || async { one.served.load(Ordering::Relaxed) > before + 5 })
            .await?;
        recovered = recovered.max(began.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let (mut sent, mut failed) = (0, 0);
    for client in load {
        let (of_client, lost) = client.await??;
        (sent, failed) = (sent + of_client, failed + lost);
    }
    println!("{failed} of {sent} requests failed; back to service {recovered:?} after its start");
    assert!(sent > 100, "{sent}");
    assert_eq!(failed, 0, "of {sent}: every GET finds another target");
    assert!(recovered < Duration::from_secs(15), "{recovered:?} (promised: 5 s on a quiet machine)");
    Ok(())
}
