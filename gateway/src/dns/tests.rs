//! Names against a real server on real sockets: lifetimes, types, failures, and who is kept up to date.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gateway_tests::{DnsServer, Reply, Rr, eventually};
use tokio::runtime::Handle;

use super::{DnsFailure, Name, Names, Picked};
use crate::config::{DnsSettings, RecordKind};

/// Wide enough for a busy machine; nothing waits so long that goes as it should.
const PATIENCE: Duration = Duration::from_secs(30);

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn settings(server: &DnsServer) -> DnsSettings {
    DnsSettings {
        resolvers: vec![server.address()],
        hostsfile: PathBuf::from("/etc/hosts"),
        order: vec![RecordKind::Last, RecordKind::Srv, RecordKind::A, RecordKind::Aaaa],
        valid_ttl: None,
        stale_ttl: Duration::from_secs(3600),
        not_found_ttl: Duration::from_secs(1),
        error_ttl: Duration::from_secs(1),
        cache_size: 100,
    }
}

fn names(settings: DnsSettings) -> Names {
    Names::new(settings, Handle::current()).unwrap()
}

/// Everything that a few picks give, in order.
fn picks(name: &Name) -> Vec<Picked> {
    let mut all: Vec<_> = (0..32).map(|_| name.pick(80, |_| false)).collect();
    all.sort_by_key(|picked| format!("{picked:?}"));
    all.dedup();
    all
}

fn at(addresses: &[(IpAddr, u16)]) -> Vec<Picked> {
    addresses.iter().map(|(ip, port)| Picked::Address(SocketAddr::new(*ip, *port))).collect()
}

async fn first(names: &Names, host: &str) -> (Arc<Name>, Vec<Picked>) {
    let name = names.name(host);
    name.settled(PATIENCE).await;
    let picks = picks(&name);
    (name, picks)
}

async fn becomes(name: &Name, case: &str, want: &[Picked]) {
    eventually(case, PATIENCE, || async { picks(name) == want }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_of_record_leads_somewhere() {
    let server = DnsServer::start().await.unwrap();
    let six: IpAddr = "fd00::1".parse().unwrap();
    server.addresses("four.test", 60, &[ip(1), ip(2)]);
    server.addresses("six.test", 60, &[six]);
    server.set("alias.test", Reply::Records(vec![Rr::Alias(60, "four.test".into()), Rr::Address(60, ip(3))]));
    server.set("empty.test", Reply::Records(Vec::new()));
    server.set("bad.test", Reply::Failure);
    let service = |priority, weight, port, name: &str| Rr::Service(60, (priority, weight, port), name.into());
    let services = vec![
        service(1, 3, 8001, "four.test"),
        service(1, 0, 0, "six.test"),
        service(2, 9, 9, "never.test"),
        service(1, 1, 8003, "gone.test"),
    ];
    server.set("srv.test", Reply::Records(services));
    let names = names(settings(&server));
    for (host, want) in [
        ("four.test", at(&[(ip(1), 80), (ip(2), 80)])),
        ("FOUR.test", at(&[(ip(1), 80), (ip(2), 80)])),
        ("six.test", at(&[(six, 80)])),
        ("alias.test", at(&[(ip(3), 80)])),
        ("srv.test", at(&[(ip(1), 8001), (ip(2), 8001), (six, 80)])),
        ("empty.test", vec![Picked::Failed(DnsFailure::Empty)]),
        ("no.test", vec![Picked::Failed(DnsFailure::NotFound)]),
        ("bad.test", vec![Picked::Failed(DnsFailure::ServerFailure)]),
        ("localhost", at(&[(IpAddr::from([127, 0, 0, 1]), 80)])),
    ] {
        assert_eq!(first(&names, host).await.1, want, "{host}");
    }
    assert!(Arc::ptr_eq(&names.name("four.test"), &names.name("Four.Test")), "each name once");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_service_share_by_weight_and_others_equally() {
    let server = DnsServer::start().await.unwrap();
    server.addresses("a.test", 60, &[ip(1)]);
    server.addresses("b.test", 60, &[ip(2)]);
    let service = |weight, name: &str| Rr::Service(60, (1, weight, 80), name.into());
    server.set("srv.test", Reply::Records(vec![service(3, "a.test"), service(1, "b.test")]));
    let (name, _) = first(&names(settings(&server)), "srv.test").await;
    let count = |ip| {
        let hit = |_: &i32| name.pick(1, |_| false) == Picked::Address(SocketAddr::new(ip, 80));
        (0..400).filter(hit).count()
    };
    assert_eq!((count(ip(1)), count(ip(2))), (300, 100));
    let elsewhere = name.pick(1, |address| address.ip() == ip(1));
    assert_eq!(elsewhere, Picked::Address(SocketAddr::new(ip(2), 80)), "one that failed is passed over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_asked_for_again_when_its_lifetime_is_over() {
    let server = DnsServer::start().await.unwrap();
    server.addresses("short.test", 1, &[ip(1)]);
    server.addresses("long.test", 3600, &[ip(1)]);
    let names = names(settings(&server));
    let ((short, one), (long, other)) = (first(&names, "short.test").await, first(&names, "long.test").await);
    assert_eq!((&one, &other), (&at(&[(ip(1), 80)]), &at(&[(ip(1), 80)])));
    server.addresses("short.test", 1, &[ip(2)]);
    server.addresses("long.test", 3600, &[ip(2)]);
    let asked = server.asked("long.test");
    becomes(&short, "the new address", &at(&[(ip(2), 80)])).await;
    assert_eq!(picks(&long), other, "still good");
    assert_eq!(server.asked("long.test"), asked);
    server.set("short.test", Reply::NoSuchName);
    becomes(&short, "gone for good", &[Picked::Failed(DnsFailure::NotFound)]).await;
    server.addresses("short.test", 1, &[ip(3)]);
    becomes(&short, "there again", &at(&[(ip(3), 80)])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_answer_stays_while_the_server_is_away_but_not_for_ever() {
    let server = DnsServer::start().await.unwrap();
    for host in ["fails.test", "silent.test"] {
        server.addresses(host, 1, &[ip(1)]);
    }
    let (patient, strict) = (settings(&server), settings(&server));
    let patient = names(patient);
    let strict = names(DnsSettings { stale_ttl: Duration::ZERO, ..strict });
    let (fails, good) = first(&patient, "fails.test").await;
    let (silent, _) = first(&patient, "silent.test").await;
    let (given_up, _) = first(&strict, "fails.test").await;
    server.set("fails.test", Reply::Failure);
    server.set("silent.test", Reply::Silence);
    becomes(&given_up, "given up", &[Picked::Failed(DnsFailure::ServerFailure)]).await;
    let asked = server.asked("fails.test");
    eventually("it was asked for again and again", PATIENCE, || async {
        _ = (picks(&fails), picks(&silent));
        server.asked("fails.test") > asked + 6
    })
    .await
    .unwrap();
    assert_eq!((picks(&fails), picks(&silent)), (good.clone(), good), "the last good answers");
    server.addresses("fails.test", 1, &[ip(9)]);
    becomes(&fails, "the server is back", &at(&[(ip(9), 80)])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_a_datagram_comes_over_tcp() {
    let server = DnsServer::start().await.unwrap();
    let many: Vec<IpAddr> = (1..=100).map(ip).collect();
    server.addresses("many.test", 60, &many);
    let (name, _) = first(&names(settings(&server)), "many.test").await;
    let mut found: Vec<_> = (0..100).map(|_| name.pick(80, |_| false)).collect();
    found.sort_by_key(|picked| format!("{picked:?}"));
    found.dedup();
    assert_eq!(found.len(), 100);
    assert!(server.asked_over_tcp("many.test") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_asks_for_is_left_alone_until_somebody_does() {
    let server = DnsServer::start().await.unwrap();
    server.addresses("idle.test", 1, &[ip(1)]);
    server.addresses("kept.test", 1, &[ip(1)]);
    let names = names(settings(&server));
    let (idle, _) = first(&names, "idle.test").await;
    let (kept, _) = first(&names, "kept.test").await;
    kept.keep_always();
    let busy = || async { server.asked("kept.test") > 12 };
    eventually("a name that is always kept up to date", PATIENCE, busy).await.unwrap();
    assert!(server.asked("idle.test") < 8, "asked {} times", server.asked("idle.test"));
    server.addresses("idle.test", 1, &[ip(2)]);
    becomes(&idle, "awake again", &at(&[(ip(2), 80)])).await;
    drop((idle, kept));
    eventually("dropped", PATIENCE, || async { names.is_empty() }).await.unwrap();
    let asked = server.asked("kept.test");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(server.asked("kept.test") <= asked + 2, "nobody holds it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_name_that_was_never_looked_up_is_worth_a_wait_and_no_long_one() {
    let server = DnsServer::start().await.unwrap();
    server.set("silent.test", Reply::Silence);
    let name = names(settings(&server)).name("silent.test");
    let began = std::time::Instant::now();
    name.settled(Duration::from_millis(200)).await;
    assert_eq!(picks(&name), [Picked::Pending]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn kongs_settings_have_their_effect() {
    let server = DnsServer::start().await.unwrap();
    server.addresses("fixed.test", 1, &[ip(1)]);
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "10.9.9.9 known.test also.test # a comment\n").unwrap();
    let own =
        DnsSettings { valid_ttl: Some(Duration::from_secs(600)), hostsfile: hosts, ..settings(&server) };
    let names = names(own);
    let (fixed, good) = first(&names, "fixed.test").await;
    let nine = IpAddr::from([10, 9, 9, 9]);
    assert_eq!(first(&names, "also.test").await.1, at(&[(nine, 80)]), "dns_hostsfile");
    assert_eq!(server.asked("also.test"), 0);
    server.addresses("fixed.test", 1, &[ip(2)]);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(picks(&fixed), good, "dns_valid_ttl goes before the answer's own");
}
