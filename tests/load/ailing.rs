//! One of three targets is killed, hangs, resets, fails, is slow or flaps, under load: what clients see of it, how
//! long it takes until the target is left alone, and until it serves again. With health checks, and with
//! ejection alone.
//!
//! `WEIR_TEST_AILING` is how many seconds each of it lasts; by default 2, and ejection then has the half of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Client, Gateway, eventually, percentile, request};
use http::Method;
use serde_json::{Value, json};

use crate::moody::{Mood, Moody, Posts};
use crate::setup::{PATIENCE, balance, gateway};

/// Clients that ask questions, and as many that send something.
const CLIENTS: usize = 4;
/// After it an attempt is too late.
const READ_TIMEOUT_MS: u64 = 500;
/// Longer than promised (1 s and 5 s): other things run on the same two cores.
const OUT: Duration = Duration::from_secs(15);
const BACK: Duration = Duration::from_secs(20);

/// What clients of one method saw.
#[derive(Debug, Default)]
struct Seen {
    sent: usize,
    failed: usize,
    latencies: Vec<Duration>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.failed += other.failed;
        self.latencies.extend(other.latencies);
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let p99 = percentile(&self.latencies, 0.99);
        write!(f, "{} of {} failed, p99 {} ms", self.failed, self.sent, p99.as_millis())
    }
}

/// Sends until it is to stop. Each POST has a path of its own.
async fn ask(proxy: SocketAddr, method: Method, stop: Arc<AtomicBool>) -> anyhow::Result<Seen> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut seen = Seen::default();
    let mut client = Client::connect(proxy).await?;
    while !stop.load(Ordering::Relaxed) {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let message = request(method.clone(), &format!("/ail/{number}"), &[], Bytes::new())?;
        let began = Instant::now();
        seen.sent += 1;
        seen.failed += usize::from(client.send(message).await?.status != 200);
        seen.latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(seen)
}

async fn is_out(gateway: &Gateway, target: SocketAddr) -> bool {
    let Ok(body) = gateway.apply(Method::GET, "/upstreams/ail/health", &Value::Null).await else {
        return false;
    };
    let mut targets = body["data"].as_array().into_iter().flatten();
    targets.any(|one| one["target"] == target.to_string() && one["health"] == "UNHEALTHY")
}

/// How things stand for one kind of trouble.
struct Course {
    gets: Seen,
    posts: Seen,
    /// Until it was left alone; `None` if it never was.
    out: Option<Duration>,
    back: Duration,
}

async fn go_through(gateway: &Gateway, bad: &Moody, mood: Mood, lasts: Duration) -> anyhow::Result<Course> {
    let stop = Arc::new(AtomicBool::new(false));
    let load = |method: &Method| -> Vec<_> {
        let start = |_| tokio::spawn(ask(gateway.proxy, method.clone(), Arc::clone(&stop)));
        (0..CLIENTS).map(start).collect()
    };
    let (gets, posts) = (load(&Method::GET), load(&Method::POST));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    bad.be(mood);
    // Whoever flaps may be well whenever somebody looks.
    let patience = if mood == Mood::Flapping { lasts } else { OUT };
    let out = eventually("it is out", patience, || is_out(gateway, bad.address)).await.ok();
    tokio::time::sleep(lasts.saturating_sub(began.elapsed())).await;
    bad.be(Mood::Well);
    let (began, before) = (Instant::now(), bad.served());
    // Beyond what was under way.
    eventually("it serves again", BACK, || async { bad.served() > before + 10 }).await?;
    let back = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut course = Course { gets: Seen::default(), posts: Seen::default(), out, back };
    for (all, clients) in [(&mut course.gets, gets), (&mut course.posts, posts)] {
        for client in clients {
            all.add(client.await??);
        }
    }
    // The next trouble begins with all of them well.
    let well = || async { !is_out(gateway, bad.address).await };
    eventually("it is well", BACK, well).await?;
    Ok(course)
}

/// The health settings of the first half: Kong's fields.
fn checks() -> Value {
    json!({ "healthchecks": {
        "passive": { "unhealthy": { "tcp_failures": 5, "timeouts": 5, "http_failures": 5 } },
        "active": { "type": "http", "http_path": "/status", "timeout": 1,
            "healthy": { "interval": 1, "successes": 1 },
            "unhealthy": { "interval": 1, "tcp_failures": 2, "timeouts": 2, "http_failures": 2 } },
    } })
}

fn judge(case: &str, mood: Mood, course: &Course) {
    let Course { gets, posts, out, back } = course;
    println!("{case}, {mood:?}: GET {gets}; POST {posts}; out after {out:?}, back after {back:?}");
    assert!(gets.sent > 50 && posts.sent > 50, "{case}, {mood:?}: it was a load");
    assert!(out.is_some() || mood == Mood::Flapping, "{case}, {mood:?}: it was never left alone");
    // A POST that a target has seen fails with it, and so does any request that it answers with 500: five until
    // it is out, those under way, and the same again for each time that it comes back to try.
    let most = |seen: &Seen| (6 * (5 + CLIENTS)).max(seen.sent / 200);
    let may_fail = mood == Mood::Failing;
    let get_limit = if may_fail { most(gets) } else { 0 };
    assert!(gets.failed <= get_limit, "{case}, {mood:?}: {} GETs failed, at most {get_limit}", gets.failed);
    // Connections that are kept are gone with whoever is killed: a POST on one of them may have been seen.
    assert!(posts.failed <= most(posts), "{case}, {mood:?}: {} POSTs failed", posts.failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ailing_target_costs_little_and_comes_back() -> anyhow::Result<()> {
    let asked = std::env::var("WEIR_TEST_AILING").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(asked.unwrap_or(2));
    let some = [Mood::Killed, Mood::Hung, Mood::Failing];
    let few = if asked.is_some() { &Mood::BAD[..] } else { &some[..] };
    for (case, fields, outliers, moods) in
        [("health checks", checks(), "0", &Mood::BAD[..]), ("ejection", json!({}), "5", few)]
    {
        let posts = Posts::default();
        let targets = [Moody::start(&posts).await?, Moody::start(&posts).await?, Moody::start(&posts).await?];
        let gateway = gateway()
            .set("WEIR_WORKERS", "1")
            .set("WEIR_PROXY_ACCESS_LOG", "off")
            .set("WEIR_OUTLIER_CONSECUTIVE_ERRORS", outliers)
            .set("WEIR_OUTLIER_EJECTION_TIME", "2s")
            .start()
            .await?;
        let named: Vec<_> = targets.iter().map(|target| (target.address.to_string(), 100)).collect();
        balance(&gateway, "ail", &fields, &named).await?;
        let times = json!({ "read_timeout": READ_TIMEOUT_MS });
        gateway.apply(Method::PATCH, "/services/ail", &times).await?;
        for mood in moods.iter().copied() {
            judge(case, mood, &go_through(&gateway, &targets[0], mood, lasts).await?);
        }
        let seen = posts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{case}: POSTs that were seen twice: {twice:?}");
        refuse_all(case, &gateway, &targets).await?;
    }
    Ok(())
}

/// Nobody listens any more: the answer comes at once.
async fn refuse_all(case: &str, gateway: &Gateway, targets: &[Moody]) -> anyhow::Result<()> {
    targets.iter().for_each(|target| target.be(Mood::Killed));
    let gone = || async { gateway.get("/ail/none", &[]).await.is_ok_and(|answer| answer.status != 200) };
    eventually("all of them are gone", PATIENCE, gone).await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let began = Instant::now();
        let status = gateway.get("/ail/none", &[]).await?.status.as_u16();
        assert!([502, 503].contains(&status), "{case}: {status}");
        slowest = slowest.max(began.elapsed());
    }
    println!("{case}, all killed: 502 or 503 after {slowest:?} at most");
    assert!(slowest < Duration::from_secs(3), "{slowest:?} (promised: 500 ms on a quiet machine)");
    Ok(())
}
