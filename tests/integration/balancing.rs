//! Upstreams with targets: shares, retries, hashing, Host, and what a change does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Client, Gateway, Upstream, free_port, request};
use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::setup::{PATIENCE, balance, gateway, serve};

/// A target that takes requests and resets the connection in place of an answer; counts them.
pub(crate) async fn resetting() -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(reset(stream, Arc::clone(&counter)));
        }
    });
    Ok((address, count))
}

/// What is left unread makes the kernel reset the connection.
async fn reset(mut stream: tokio::net::TcpStream, counter: Arc<AtomicUsize>) {
    let read = stream.read(&mut [0; 16]).await;
    counter.fetch_add(usize::from(read.is_ok_and(|length| length > 0)), Ordering::Relaxed);
}

fn to(upstreams: &[&Upstream]) -> Vec<(String, u32)> {
    upstreams.iter().map(|upstream| (upstream.address().to_string(), 100)).collect()
}

/// Which bodies come back from so many requests, and how often.
async fn answers(gateway: &Gateway, path: &str, count: usize) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut client = Client::connect(gateway.proxy).await?;
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let answer = client.get(path, &[]).await?;
        *seen.entry(format!("{} {}", answer.status.as_u16(), answer.text())).or_default() += 1;
    }
    Ok(seen)
}

#[tokio::test]
async fn targets_get_their_shares_and_one_without_weight_gets_nothing() -> anyhow::Result<()> {
    let (a, b, none) =
        (Upstream::saying("a").await?, Upstream::saying("b").await?, Upstream::saying("none").await?);
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    let mut targets = to(&[&a, &b, &none]);
    (targets[0].1, targets[1].1, targets[2].1) = (200, 100, 0);
    balance(&gateway, "shares", &json!({}), &targets).await?;
    let seen = answers(&gateway, "/shares", 300).await?;
    assert_eq!(seen, BTreeMap::from([("200 a".into(), 200), ("200 b".into(), 100)]));
    Ok(())
}

#[tokio::test]
async fn a_refusing_target_costs_no_request_and_little_time() -> anyhow::Result<()> {
    let good = Upstream::saying("good").await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    let mut targets = to(&[&good]);
    targets.push((free_port()?.to_string(), 100));
    balance(&gateway, "half", &json!({}), &targets).await?;
    let mut client = Client::connect(gateway.proxy).await?;
    let mut slowest = Duration::ZERO;
    for number in 0..60 {
        let began = Instant::now();
        // Nothing of it was written, so that another try is no second time for a POST either.
        let answer = client.send(request(Method::POST, "/half", &[], Bytes::from_static(b"pay"))?).await?;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "good"), "request {number}");
        slowest = slowest.max(began.elapsed());
    }
    let wrong = good.seen().iter().filter(|seen| seen.method == Method::POST && seen.body != "pay").count();
    assert_eq!(wrong, 0, "the body goes to the next target whole");
    assert!(slowest < Duration::from_millis(1_000), "{slowest:?} (promised: 50 ms on a quiet machine)");
    Ok(())
}

#[tokio::test]
async fn a_payment_is_never_sent_twice_and_a_question_is_asked_elsewhere() -> anyhow::Result<()> {
    let (reset, count) = resetting().await?;
    let good = Upstream::saying("good").await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    let mut targets = to(&[&good]);
    targets.push((reset, 100));
    balance(&gateway, "pay", &json!({}), &targets).await?;
    let before = good.seen().len();
    count.store(0, Ordering::Relaxed);
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(gateway.proxy).await?;
        let post = client.send(request(Method::POST, "/pay", &[], Bytes::from_static(b"1"))?).await?;
        statuses.push(post.status.as_u16());
    }
    let lost = statuses.iter().filter(|status| **status == 502).count();
    assert_eq!(
        lost,
        count.load(Ordering::Relaxed),
        "each POST that the bad target saw is a 502: {statuses:?}"
    );
    assert!(lost >= 9, "the bad target has its share: {statuses:?}");
    assert_eq!(good.seen().len() - before, 20 - lost, "and no other target saw it");
    for _ in 0..20 {
        assert_eq!(gateway.get("/pay", &[]).await?.status, 200, "a GET goes to the next target");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_target_that_works_the_answer_is_kongs() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    balance(&gateway, "empty", &json!({}), &[]).await?;
    let dead: Vec<_> = vec![(free_port()?.to_string(), 100), (free_port()?.to_string(), 100)];
    balance(&gateway, "dead", &json!({}), &dead).await?;
    let began = Instant::now();
    for (path, status, message) in [
        ("/empty", 503, "failure to get a peer from the ring-balancer"),
        ("/dead", 502, "An invalid response was received from the upstream server"),
    ] {
        let answer = gateway.get(path, &[("accept", "application/json")]).await?;
        let found = (answer.status.as_u16(), answer.json()["message"].as_str().map(str::to_owned));
        assert_eq!(found, (status, Some(message.to_owned())), "{path}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "nothing waits for what refuses");
    Ok(())
}

#[tokio::test]
async fn a_cookie_keeps_a_client_with_its_target() -> anyhow::Result<()> {
    let (a, b, c) =
        (Upstream::saying("a").await?, Upstream::saying("b").await?, Upstream::saying("c").await?);
    let gateway = gateway().start().await?;
    let fields = json!({ "hash_on": "cookie", "hash_on_cookie": "stick", "hash_on_cookie_path": "/s" });
    balance(&gateway, "sticky", &fields, &to(&[&a, &b, &c])).await?;
    let mut targets = BTreeSet::new();
    for _ in 0..20 {
        let first = gateway.get("/sticky", &[]).await?;
        let cookie = first.header("set-cookie").to_owned();
        let (pair, rest) = cookie.split_once(';').unwrap_or_default();
        assert_eq!(rest, " Path=/s; Same-Site=Lax; HttpOnly", "{cookie}");
        targets.insert(first.text());
        for _ in 0..3 {
            let again = gateway.get("/sticky", &[("cookie", pair)]).await?;
            assert_eq!((again.text(), again.header("set-cookie")), (first.text(), ""), "{pair}");
        }
    }
    assert!(targets.len() > 1, "clients are spread: {targets:?}");
    Ok(())
}

#[tokio::test]
async fn two_nodes_hash_alike_whatever_they_hash_by() -> anyhow::Result<()> {
    let (a, b, c) =
        (Upstream::saying("a").await?, Upstream::saying("b").await?, Upstream::saying("c").await?);
    let (one, two) = (gateway().start().await?, gateway().start().await?);
    let cases = [
        json!({ "hash_on": "header", "hash_on_header": "x-user" }),
        json!({ "hash_on": "query_arg", "hash_on_query_arg": "user" }),
        json!({ "hash_on": "path" }),
        json!({ "hash_on": "consumer", "hash_fallback": "header", "hash_fallback_header": "x-user" }),
    ];
    for (number, fields) in cases.iter().enumerate() {
        let name = format!("hash{number}");
        balance(&one, &name, fields, &to(&[&a, &b, &c])).await?;
        balance(&two, &name, fields, &to(&[&c, &b, &a])).await?;
        let mut targets = BTreeSet::new();
        for user in 0..20 {
            let (path, user) = (format!("/{name}/{user}?user={user}"), user.to_string());
            let first = one.get(&path, &[("x-user", &user)]).await?.text();
            assert_eq!(two.get(&path, &[("x-user", &user)]).await?.text(), first, "{fields}, {user}");
            targets.insert(first);
        }
        assert!(targets.len() > 1, "{fields}: {targets:?}");
    }
    Ok(())
}

/// What the newest request of an upstream had as Host.
fn host_of(upstream: &Upstream) -> Option<String> {
    let seen = upstream.seen().pop()?;
    Some(seen.headers.get("host")?.to_str().ok()?.to_owned())
}

#[tokio::test]
async fn host_is_the_targets_or_the_upstreams_or_the_clients() -> anyhow::Result<()> {
    let upstream = Upstream::saying("x").await?;
    let gateway = gateway().start().await?;
    let host = upstream.address().to_string();
    balance(&gateway, "own", &json!({}), &to(&[&upstream])).await?;
    balance(&gateway, "fixed", &json!({ "host_header": "api.test" }), &to(&[&upstream])).await?;
    let by_name = vec![(format!("localhost:{}", upstream.address().port()), 100)];
    balance(&gateway, "named", &json!({}), &by_name).await?;
    let named = by_name[0].0.clone();
    for (path, want) in [("/own", host.as_str()), ("/fixed", "api.test"), ("/named", &named)] {
        assert_eq!(gateway.get(path, &[("host", "client.test")]).await?.status, 200, "{path}");
        assert_eq!(host_of(&upstream).as_deref(), Some(want), "{path}");
    }
    gateway.apply(Method::PATCH, "/routes/fixed", &json!({ "preserve_host": true })).await?;
    let kept = || async {
        _ = gateway.get("/fixed", &[("host", "client.test")]).await;
        host_of(&upstream).as_deref() == Some("client.test")
    };
    gateway_tests::eventually("the client's Host is kept", PATIENCE, kept).await?;
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_comes_or_goes_takes_over_the_host_of_its_name() -> anyhow::Result<()> {
    let (plain, balanced) = (Upstream::saying("plain").await?, Upstream::saying("balanced").await?);
    let gateway = gateway().start().await?;
    serve(&gateway, "svc", &format!("http://localhost:{}", plain.address().port())).await?;
    assert_eq!(gateway.get("/svc", &[]).await?.text(), "plain");
    gateway.apply(Method::PUT, "/upstreams/localhost", &json!({})).await?;
    let target = json!({ "target": balanced.address().to_string() });
    let made = gateway.apply(Method::POST, "/upstreams/localhost/targets", &target).await?;
    gateway.wait_for("the upstream's", PATIENCE, "/svc", |answer| answer.text() == "balanced").await?;
    gateway
        .apply(Method::DELETE, &format!("/upstreams/localhost/targets/{}", id(&made)), &Value::Null)
        .await?;
    gateway.wait_for("no target", PATIENCE, "/svc", |answer| answer.status == 503).await?;
    gateway.apply(Method::DELETE, "/upstreams/localhost", &Value::Null).await?;
    gateway.wait_for("the host's own", PATIENCE, "/svc", |answer| answer.text() == "plain").await?;
    Ok(())
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_target_that_is_taken_away_drops_no_request() -> anyhow::Result<()> {
    let slow = Upstream::taking(Duration::from_millis(300), |_| http::Response::default()).await?;
    let other = Upstream::taking(Duration::from_millis(300), |_| http::Response::default()).await?;
    let gateway = gateway().start().await?;
    balance(&gateway, "moving", &json!({ "algorithm": "least-connections" }), &to(&[&slow, &other])).await?;
    let address = gateway.proxy;
    let mut running = Vec::new();
    for _ in 0..16 {
        running.push(tokio::spawn(async move { Client::connect(address).await?.get("/moving", &[]).await }));
    }
    let seen = || async { slow.seen().len() + other.seen().len() >= 4 };
    gateway_tests::eventually("requests are on their way", PATIENCE, seen).await?;
    let path = format!("/upstreams/moving/targets/{}", slow.address());
    gateway.apply(Method::DELETE, &path, &Value::Null).await?;
    for request in running {
        assert_eq!(request.await??.status, 200);
    }
    let gone = || async {
        let before = slow.seen().len();
        _ = answers(&gateway, "/moving", 4).await;
        slow.seen().len() == before
    };
    gateway_tests::eventually("nothing goes there any more", PATIENCE, gone).await?;
    Ok(())
}

#[tokio::test]
async fn a_hung_target_is_left_for_another_where_that_is_safe() -> anyhow::Result<()> {
    let hung = TcpListener::bind("127.0.0.1:0").await?;
    let good = Upstream::saying("good").await?;
    let gateway = gateway().set("WEIR_WORKERS", "1").start().await?;
    let mut targets = to(&[&good]);
    targets.push((hung.local_addr()?.to_string(), 100));
    balance(&gateway, "hung", &json!({}), &targets).await?;
    gateway.apply(Method::PATCH, "/services/hung", &json!({ "read_timeout": 200 })).await?;
    let quick = || async {
        let began = Instant::now();
        let all = answers(&gateway, "/hung", 4).await;
        all.is_ok_and(|all| all.len() == 1 && all.contains_key("200 good"))
            && began.elapsed() < Duration::from_secs(3)
    };
    gateway_tests::eventually("a GET that is late is asked elsewhere", PATIENCE, quick).await?;
    let mut late = 0;
    for _ in 0..4 {
        let mut client = Client::connect(gateway.proxy).await?;
        let post = client.send(request(Method::POST, "/hung", &[], Bytes::from_static(b"1"))?).await?;
        late += usize::from(post.status == 504);
    }
    assert_eq!(late, 2, "a POST that was sent is not");
    drop(hung);
    Ok(())
}
