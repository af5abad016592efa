//! Names of services and targets, through a gateway that asks a server of the test's own.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use gateway_tests::{DnsServer, Gateway, Reply, Rr, Upstream};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, balance, gateway, serve};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// Another loopback address, at which nobody listens.
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 99, 0, 1));

async fn asking(server: &DnsServer) -> anyhow::Result<Gateway> {
    let gateway = gateway().set("WEIR_DNS_RESOLVER", server.address().to_string());
    gateway.set("WEIR_DNS_NOT_FOUND_TTL", "1").start().await
}

#[tokio::test]
async fn a_service_follows_its_name() -> anyhow::Result<()> {
    let server = DnsServer::start().await?;
    let upstream = Upstream::saying("here").await?;
    server.addresses("api.test", 1, &[HERE]);
    let gateway = asking(&server).await?;
    let port = upstream.address().port();
    serve(&gateway, "svc", &format!("http://api.test:{port}")).await?;
    let answer = gateway.get("/svc", &[]).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "here"));
    let host = upstream.seen().pop().and_then(|seen| seen.headers.get("host").cloned());
    assert_eq!(host.and_then(|host| host.to_str().ok().map(str::to_owned)), Some(format!("api.test:{port}")));
    server.addresses("api.test", 1, &[NOBODY]);
    gateway.wait_for("moved away", PATIENCE, "/svc", |answer| answer.status == 502).await?;
    server.addresses("api.test", 1, &[NOBODY, HERE]);
    // One of two refuses: the other is tried.
    gateway.wait_for("moved back", PATIENCE, "/svc", |answer| answer.status == 200).await?;
    for _ in 0..20 {
        assert_eq!(gateway.get("/svc", &[]).await?.status, 200, "the address that refuses costs nothing");
    }
    server.set("api.test", Reply::Failure);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(gateway.get("/svc", &[]).await?.status, 200, "the last good answer stays");
    server.set("api.test", Reply::NoSuchName);
    gateway.wait_for("gone", PATIENCE, "/svc", |answer| answer.status == 503).await?;
    Ok(())
}

#[tokio::test]
async fn errors_of_names_are_kongs() -> anyhow::Result<()> {
    let server = DnsServer::start().await?;
    server.set("fails.test", Reply::Failure);
    server.set("empty.test", Reply::Records(Vec::new()));
    server.set("silent.test", Reply::Silence);
    let gateway = asking(&server).await?;
    for (name, status, message) in [
        ("missing", 503, "name resolution failed"),
        ("empty", 503, "name resolution failed"),
        ("fails", 500, "dns server error: 2 server failure"),
    ] {
        serve(&gateway, name, &format!("http://{name}.test")).await?;
        let path = format!("/{name}");
        let answer = gateway.get(&path, &[("accept", "application/json")]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["message"].as_str()),
            (status, Some(message)),
            "{name}"
        );
    }
    gateway
        .apply(
            Method::PUT,
            "/services/silent",
            &json!({ "url": "http://silent.test", "connect_timeout": 300 }),
        )
        .await?;
    let route = json!({ "paths": ["/silent"], "service": { "name": "silent" } });
    gateway.apply(Method::PUT, "/routes/silent", &route).await?;
    gateway.wait_for("the route is live", PATIENCE, "/silent", |answer| answer.status != 404).await?;
    let began = Instant::now();
    assert_eq!(gateway.get("/silent", &[]).await?.status, 500);
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waits longer than for a connection");
    Ok(())
}

#[tokio::test]
async fn targets_by_name_spread_over_their_addresses_and_services() -> anyhow::Result<()> {
    let server = DnsServer::start().await?;
    let (a, b) = (Upstream::saying("a").await?, Upstream::saying("b").await?);
    server.addresses("here.test", 60, &[HERE]);
    let service = |weight, port| Rr::Service(1, (1, weight, port), "here.test".into());
    server.set(
        "_http.srv.test",
        Reply::Records(vec![service(30, a.address().port()), service(10, b.address().port())]),
    );
    let gateway = asking(&server).await?;
    balance(&gateway, "srv", &json!({}), &[("_http.srv.test:1".to_owned(), 100)]).await?;
    let mut client = gateway_tests::Client::connect(gateway.proxy).await?;
    let mut of_a = 0;
    for _ in 0..80 {
        of_a += usize::from(client.get("/srv", &[]).await?.text() == "a");
    }
    assert_eq!(of_a, 60, "by the weights in the records");
    let health = gateway.apply(Method::GET, "/upstreams/srv/health", &serde_json::Value::Null).await?;
    let data = &health["data"][0]["data"];
    assert_eq!((&data["dns"], &data["weight"]["total"]), (&json!("SRV"), &json!(40)));
    server.set("_http.srv.test", Reply::Records(vec![service(10, b.address().port())]));
    let moved = || async {
        let mut texts = Vec::new();
        for _ in 0..8 {
            texts.push(gateway.get("/srv", &[]).await.map(|answer| answer.text()).unwrap_or_default());
        }
        texts.iter().all(|text| text == "b")
    };
    gateway_tests::eventually("the record that is gone gets nothing", PATIENCE, moved).await?;
    server.set("_http.srv.test", Reply::NoSuchName);
    gateway.wait_for("no target is left", PATIENCE, "/srv", |answer| answer.status == 503).await?;
    let health = gateway.apply(Method::GET, "/upstreams/srv/health", &serde_json::Value::Null).await?;
    assert_eq!(health["data"][0]["health"], "DNS_ERROR");
    Ok(())
}

#[tokio::test]
async fn a_confined_process_still_resolves_names() -> anyhow::Result<()> {
    let server = DnsServer::start().await?;
    let upstream = Upstream::saying("here").await?;
    let many: Vec<IpAddr> = (1..=60).map(|last| IpAddr::from([127, 98, 0, last])).chain([HERE]).collect();
    server.addresses("many.test", 60, &many);
    let gateway = gateway()
        .set("WEIR_DNS_RESOLVER", server.address().to_string())
        .set("WEIR_CONFINEMENT", "on")
        .start()
        .await?;
    serve(&gateway, "many", &format!("http://many.test:{}", upstream.address().port())).await?;
    serve(&gateway, "local", &format!("http://localhost:{}", upstream.address().port())).await?;
    assert_eq!(gateway.get("/local", &[]).await?.status, 200, "from the file of hosts");
    let found = || async { gateway.get("/many", &[]).await.is_ok_and(|answer| answer.status == 200) };
    gateway_tests::eventually("one of many addresses", PATIENCE, found).await?;
    assert!(server.asked_over_tcp("many.test") > 0);
    Ok(())
}
