//! Shares, stability and what happens when targets fail, in tables and on random targets.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use tokio::time::Instant;
use uuid::Uuid;

use super::algorithm::{cheapest, expected, mean_ms};
use super::{
    AddressState, Balancer, HealthRules, Outcome, PickError, Place, Table, TableSpec, TargetSpec, Thresholds,
};
use crate::config::Outliers;
use crate::model::{Algorithm, HealthyRule, UnhealthyRule};

fn address(number: usize) -> SocketAddr {
    let [_, _, high, low] = u32::try_from(number).unwrap().to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, high, low)), 80)
}

fn target(number: usize, weight: u32) -> TargetSpec {
    let host: Arc<str> = address(number).ip().to_string().into();
    let place = Place { state: Arc::new(AddressState::new(address(number))), weight, name: None };
    let target = address(number).to_string().into();
    TargetSpec { target, host, port: 80, weight, places: vec![place], pending: false, dns: "" }
}

fn balancer_of(algorithm: Algorithm, targets: Vec<TargetSpec>) -> Arc<Balancer> {
    let failures = UnhealthyRule { http_statuses: vec![500], tcp_failures: 1, ..UnhealthyRule::default() };
    let successes = HealthyRule { http_statuses: vec![200], successes: 1, ..HealthyRule::default() };
    let thresholds = Thresholds::new(successes, failures);
    let health = HealthRules { passive: thresholds.clone(), active: thresholds, on: true, outliers: None };
    let spec =
        TableSpec { algorithm, slots: 10_000, health: Arc::new(health), targets, ..TableSpec::default() };
    Arc::new(Balancer::new(Uuid::nil(), "up".into(), Table::new(spec)))
}

fn balancer(algorithm: Algorithm, weights: &[u32]) -> Arc<Balancer> {
    balancer_of(
        algorithm,
        weights.iter().enumerate().map(|(number, weight)| target(number, *weight)).collect(),
    )
}

fn pick(balancer: &Arc<Balancer>, key: &str) -> Result<SocketAddr, PickError> {
    let lease = balancer.pick(balancer.table(), key.as_bytes(), |_| false)?;
    Ok(lease.peer().unwrap().address())
}

fn shares(balancer: &Arc<Balancer>, picks: usize) -> HashMap<SocketAddr, usize> {
    let mut shares = HashMap::new();
    for number in 0..picks {
        *shares.entry(pick(balancer, &format!("key-{number}")).unwrap()).or_default() += 1;
    }
    shares
}

#[test]
fn round_robin_gives_each_target_its_weight_in_every_round() {
    for (case, weights, round, want) in [
        ("alike", &[100, 100, 100][..], 3, vec![1, 1, 1]),
        ("a common factor", &[100, 50], 3, vec![2, 1]),
        ("without a common factor", &[5, 3, 1], 9, vec![5, 3, 1]),
        ("weight 0", &[10, 0, 10], 2, vec![1, 0, 1]),
        ("one", &[7], 1, vec![1]),
    ] {
        let balancer = balancer(Algorithm::RoundRobin, weights);
        for number in 0..3 {
            let shares = shares(&balancer, round);
            let found: Vec<_> =
                (0..want.len()).map(|n| shares.get(&address(n)).copied().unwrap_or(0)).collect();
            assert_eq!(found, want, "{case}, round {number}");
        }
    }
}

#[test]
fn round_robin_spreads_a_heavy_target_over_the_round() {
    let balancer = balancer(Algorithm::RoundRobin, &[2, 1, 1]);
    let picks: Vec<_> = (0..400).map(|_| pick(&balancer, "").unwrap()).collect();
    let heavy = address(0);
    let longest = picks.split(|at| *at != heavy).map(<[_]>::len).max().unwrap();
    assert!(longest <= 2, "{longest} in a row of a target with half of the weight");
}

#[test]
fn the_share_of_a_target_that_fails_goes_to_all_others() {
    let balancer = balancer(Algorithm::RoundRobin, &[100; 5]);
    balancer.probed(address(1), Outcome::TcpFailure);
    let shares = shares(&balancer, 10_000);
    assert_eq!(shares.get(&address(1)), None);
    for number in [0, 2, 3, 4] {
        let share = shares[&address(number)];
        assert!((2_100..2_900).contains(&share), "target {number}: {share} of 10 000");
    }
}

#[test]
fn nobody_is_left_to_send_to() {
    let none = |algorithm| balancer(algorithm, &[]);
    for algorithm in
        [Algorithm::RoundRobin, Algorithm::ConsistentHashing, Algorithm::LeastConnections, Algorithm::Latency]
    {
        assert_eq!(pick(&none(algorithm), "k"), Err(PickError::NoTarget), "{algorithm:?}: no target");
        assert_eq!(
            pick(&balancer(algorithm, &[0, 0]), "k"),
            Err(PickError::NoTarget),
            "{algorithm:?}: no weight"
        );
        let failing = balancer(algorithm, &[1, 1]);
        failing.probed(address(0), Outcome::TcpFailure);
        assert_eq!(pick(&failing, "k"), Ok(address(1)), "{algorithm:?}: one left");
        failing.probed(address(1), Outcome::TcpFailure);
        assert_eq!(pick(&failing, "k"), Err(PickError::Unhealthy), "{algorithm:?}: none left");
        failing.probed(address(0), Outcome::Status(200));
        assert_eq!(pick(&failing, "k"), Ok(address(0)), "{algorithm:?}: back again");
    }
}

#[test]
fn the_upstream_as_a_whole_needs_more_than_its_threshold() {
    for (threshold, fail, works) in
        [(0.0, 3, true), (0.0, 4, false), (50.0, 1, true), (50.0, 2, false), (49.9, 2, true)]
    {
        let targets = (0..4).map(|number| target(number, 100)).collect();
        let rule = UnhealthyRule { tcp_failures: 1, ..UnhealthyRule::default() };
        let active = Thresholds::new(HealthyRule::default(), rule);
        let health = Arc::new(HealthRules { active, ..HealthRules::default() });
        let table = Table::new(TableSpec { threshold, health, targets, ..TableSpec::default() });
        let balancer = Arc::new(Balancer::new(Uuid::nil(), "up".into(), table));
        for number in 0..fail {
            balancer.probed(address(number), Outcome::TcpFailure);
        }
        assert_eq!(pick(&balancer, "").is_ok(), works, "{threshold} %, {fail} of 4 fail");
    }
}

#[test]
fn another_attempt_goes_elsewhere_and_to_the_same_one_only_for_want_of_others() {
    for algorithm in
        [Algorithm::RoundRobin, Algorithm::ConsistentHashing, Algorithm::LeastConnections, Algorithm::Latency]
    {
        let balancer = balancer(algorithm, &[1, 1, 1]);
        let mut tried = HashSet::new();
        for attempt in 0..3 {
            let lease = balancer.pick(balancer.table(), b"k", |at| tried.contains(&at)).unwrap();
            assert!(tried.insert(lease.peer().unwrap().address()), "{algorithm:?}, attempt {attempt}");
        }
        assert!(balancer.pick(balancer.table(), b"k", |at| tried.contains(&at)).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn least_connections_looks_at_what_is_on_its_way_and_at_weights() {
    let balancer = balancer(Algorithm::LeastConnections, &[20, 10]);
    let leases: Vec<_> = (0..30).map(|_| balancer.pick(balancer.table(), b"", |_| false).unwrap()).collect();
    let at =
        |number| leases.iter().filter(|lease| lease.peer().unwrap().address() == address(number)).count();
    assert_eq!((at(0), at(1)), (20, 10));
    drop(leases);
    let table = balancer.table();
    assert!(table.peers().iter().all(|peer| peer.state.active() == 0), "given back");
}

#[test]
fn latency_leaves_a_slow_target_alone_until_it_is_forgiven() {
    let table = balancer(Algorithm::Latency, &[1, 1, 1]).table();
    let peers = table.peers();
    let ask = |step: usize, now_ms: u32| {
        let mean = mean_ms(peers, now_ms);
        let index = cheapest(peers, step, |_| true, |peer| expected(peer, mean, now_ms)).unwrap();
        let took = if index == 2 { 300 } else { 10 };
        peers[index].state.observe(Duration::from_millis(took), now_ms);
        index
    };
    let slow = (0..200_u32).filter(|step| ask(*step as usize, step * 10) == 2).count();
    assert!((1..=3).contains(&slow), "{slow} of 200 requests to the slow target within two seconds");
    let again: HashSet<_> = (0..3).map(|step| ask(step, 62_000)).collect();
    assert!(again.contains(&2), "it gets another chance: {again:?}");
}

#[test]
fn hashing_agrees_on_every_node_whatever_the_order_of_targets() {
    let forwards = balancer(Algorithm::ConsistentHashing, &[100; 7]);
    let backwards = balancer_of(Algorithm::ConsistentHashing, (0..7).rev().map(|n| target(n, 100)).collect());
    for number in 0..2_000 {
        let key = format!("user-{number}");
        assert_eq!(pick(&forwards, &key), pick(&backwards, &key), "{key}");
    }
}

#[test]
fn hashing_is_that_of_kong() {
    // xxh32 of "10.0.0.0::80 1" and of the value, modulo the points: worked out by hand from the two texts.
    use xxhash_rust::xxh32::xxh32;
    let balancer = balancer(Algorithm::ConsistentHashing, &[1, 1]);
    let mut ring = vec![None; 10_000];
    for number in 0..2 {
        for point in 1..=160 {
            let text = format!("{}::80 {point}", address(number).ip());
            let mut at = (xxh32(text.as_bytes(), 0) % 10_000) as usize;
            while ring[at].is_some() {
                at = (at + 1) % 10_000;
            }
            ring[at] = Some(number);
        }
    }
    for number in 0..500 {
        let key = format!("value {number}");
        let mut at = (xxh32(key.as_bytes(), 0) % 10_000) as usize;
        while ring[at].is_none() {
            at = (at + 9_999) % 10_000;
        }
        assert_eq!(pick(&balancer, &key), Ok(address(ring[at].unwrap())), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn round_robin_is_exact_over_a_round(weights in vec(0_u32..40, 1..12)) {
        let total: u32 = weights.iter().sum();
        if total > 0 {
            let shares = shares(&balancer(Algorithm::RoundRobin, &weights), total as usize);
            for (number, weight) in weights.iter().enumerate() {
                prop_assert_eq!(shares.get(&address(number)).copied().unwrap_or(0), *weight as usize);
            }
        }
    }

    #[test]
    fn hashing_spreads_by_weight(weights in vec(1_u32..5, 2..8)) {
        let total: u32 = weights.iter().sum();
        let shares = shares(&balancer(Algorithm::ConsistentHashing, &weights), 8_000);
        for (number, weight) in weights.iter().enumerate() {
            let share = shares.get(&address(number)).copied().unwrap_or(0) as f64 / 8_000.0;
            let want = f64::from(*weight) / f64::from(total);
            prop_assert!(share > want * 0.6 && share < want * 1.5, "{} for {}", share, want);
        }
    }

    #[test]
    fn a_target_that_goes_moves_little_beside_its_own(count in 3_usize..10, gone in any::<proptest::sample::Index>()) {
        let gone = gone.index(count);
        let all = balancer(Algorithm::ConsistentHashing, &vec![100; count]);
        let rest = (0..count).filter(|n| *n != gone).map(|n| target(n, 100)).collect();
        let fewer = balancer_of(Algorithm::ConsistentHashing, rest);
        let keys: Vec<_> = (0..3_000).map(|n| format!("k{n}")).collect();
        let of_others: Vec<_> = keys.iter().filter(|key| pick(&all, key) != Ok(address(gone))).collect();
        let moved = of_others.iter().filter(|key| pick(&all, key) != pick(&fewer, key)).count();
        // Only points that had to move on in the ring because of a collision.
        prop_assert!(moved * 20 < of_others.len(), "{} of {} moved", moved, of_others.len());
    }

    #[test]
    fn a_failing_target_moves_nothing_but_its_own(count in 2_usize..10, failing in any::<proptest::sample::Index>()) {
        let failing = failing.index(count);
        let all = balancer(Algorithm::ConsistentHashing, &vec![100; count]);
        let keys: Vec<_> = (0..1_000).map(|n| format!("k{n}")).collect();
        let before: Vec<_> = keys.iter().map(|key| pick(&all, key)).collect();
        all.probed(address(failing), Outcome::TcpFailure);
        for (key, before) in keys.iter().zip(before) {
            if before != Ok(address(failing)) {
                prop_assert_eq!(pick(&all, key), before);
            }
        }
    }
}

/// A balancer whose targets are ejected after three failures in a row, for 5 s, 10 s and so on up to 12 s.
fn ejecting(count: usize, percent: u8, checks: bool) -> Arc<Balancer> {
    let seconds = Duration::from_secs;
    let outliers = Outliers { errors: 3, gateway_errors: 2, time: seconds(5), longest: seconds(12), percent };
    let rule = UnhealthyRule { tcp_failures: u8::from(checks), ..UnhealthyRule::default() };
    let active = Thresholds::new(HealthyRule::default(), rule);
    let health = HealthRules { active, outliers: Some(outliers), ..HealthRules::default() };
    let targets = (0..count).map(|number| target(number, 100)).collect();
    let spec = TableSpec { health: Arc::new(health), targets, threshold: 60.0, ..TableSpec::default() };
    Arc::new(Balancer::new(Uuid::nil(), "up".into(), Table::new(spec)))
}

/// Reports what came of a request to this address, whoever would be picked.
fn report(balancer: &Arc<Balancer>, number: usize, outcomes: &[Outcome]) {
    for outcome in outcomes {
        let tried = |at: SocketAddr| at != address(number);
        let lease = balancer.pick(balancer.table(), b"", tried);
        if let Ok(lease) = lease.as_ref().map_err(|_| ())
            && lease.peer().unwrap().address() == address(number)
        {
            lease.report(*outcome);
        }
    }
}

/// The numbers of those that get requests.
fn serving(balancer: &Arc<Balancer>, count: usize) -> Vec<usize> {
    let shares = shares(balancer, 100);
    (0..count).filter(|number| shares.contains_key(&address(*number))).collect()
}

#[test]
fn who_fails_several_times_in_a_row_is_ejected() {
    use Outcome::{Status, TcpFailure, Timeout};
    let (ok, bad, gone) = (Status(200), Status(500), Status(503));
    for (case, outcomes, stays) in [
        ("two answers of 500", vec![bad, bad], true),
        ("three", vec![bad, bad, bad], false),
        ("a good one in between", vec![bad, bad, ok, bad, bad], true),
        ("an answer that is the client's fault", vec![bad, bad, Status(404), bad, bad], true),
        ("two of a gateway", vec![gone, Status(504)], false),
        ("no answer twice", vec![TcpFailure, Timeout], false),
        ("one of a gateway between others", vec![gone, bad, gone], false),
        ("another failure between two of a gateway", vec![gone, bad], true),
    ] {
        let balancer = ejecting(3, 50, false);
        report(&balancer, 1, &outcomes);
        assert_eq!(serving(&balancer, 3) == [0, 1, 2], stays, "{case}");
    }
}

#[test]
fn an_ejection_lasts_longer_each_time_and_is_forgiven_in_time() {
    let balancer = ejecting(3, 50, false);
    let later = |seconds| Instant::now() + Duration::from_secs(seconds);
    let gone_for = || {
        report(&balancer, 1, &[Outcome::Status(500); 3]);
        let back = |seconds: &u64| {
            // A second is more than the test takes.
            balancer.readmit(later(*seconds));
            serving(&balancer, 3) == [0, 1, 2]
        };
        (0..60).find(back)
    };
    for want in [5, 10, 12, 12] {
        assert_eq!(gone_for(), Some(want));
    }
    assert_eq!(balancer.view().targets[1].addresses[0].ejections, 4);
    (13..40).for_each(|seconds| balancer.readmit(later(seconds)));
    assert_eq!(gone_for(), Some(5), "all is forgiven");
}

#[test]
fn never_more_than_a_share_and_never_the_last_unless_told() {
    let bad = [Outcome::Status(500); 3];
    for (case, count, percent, left) in [
        ("half of four", 4, 50, vec![2, 3]),
        ("one in any case", 3, 10, vec![1, 2]),
        ("never the last", 2, 99, vec![1]),
        ("nor the only one", 1, 50, vec![0]),
        ("all, if told", 2, 100, vec![]),
    ] {
        let balancer = ejecting(count, percent, false);
        (0..count).for_each(|number| report(&balancer, number, &bad));
        assert_eq!(serving_or_none(&balancer, count), left, "{case}");
        assert!(balancer.has_enough(), "{case}: the threshold is a matter of health");
    }
}

fn serving_or_none(balancer: &Arc<Balancer>, count: usize) -> Vec<usize> {
    if pick(balancer, "").is_err() { Vec::new() } else { serving(balancer, count) }
}

#[test]
fn who_is_ejected_is_better_than_nobody_and_an_operator_ends_it() {
    let balancer = ejecting(2, 50, true);
    report(&balancer, 0, &[Outcome::Status(500); 3]);
    assert_eq!(serving(&balancer, 2), [1]);
    assert_eq!(balancer.view().targets[0].state.as_str(), "UNHEALTHY");
    balancer.set_health(true, |_, at| at == address(0));
    assert_eq!(serving(&balancer, 2), [0, 1], "by hand");
    let balancer = ejecting(3, 50, true);
    report(&balancer, 0, &[Outcome::Status(500); 3]);
    balancer.probed(address(2), Outcome::TcpFailure);
    assert_eq!(serving(&balancer, 3), [1], "two of three are healthy, which is more than 60 %");
}
