//! What a change keeps and what it does not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Upstreams;
use crate::balancer::{Balancer, Outcome, TargetState};
use crate::dns::Names;
use crate::model::Document;
use crate::snapshot::Configuration;

const UPSTREAM: Uuid = Uuid::from_u128(1);

fn upstream(fields: Value) -> Document {
    let mut whole = json!({
        "id": UPSTREAM, "name": "up", "algorithm": "round-robin", "slots": 10_000,
        "healthchecks": {"active": {"type": "tcp", "unhealthy": {"tcp_failures": 1, "interval": 0, "timeouts": 0,
            "http_failures": 0, "http_statuses": [500]}}, "threshold": 0},
    });
    for (name, value) in fields.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole.as_object().cloned().unwrap()
}

fn target(id: u128, target: &str, weight: u32) -> Document {
    let id = Uuid::from_u128(id);
    let target = json!({"id": id, "upstream": {"id": UPSTREAM}, "target": target, "weight": weight});
    target.as_object().cloned().unwrap()
}

fn configuration(upstreams: Vec<Document>, targets: Vec<Document>, before: &Configuration) -> Configuration {
    let documents = BTreeMap::from([("upstreams".to_owned(), upstreams), ("targets".to_owned(), targets)]);
    let configuration = Configuration::from_documents(&documents, before);
    assert_eq!(configuration.faults().count(), 0);
    configuration
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The addresses that work, in the order of targets.
fn working(balancer: &Balancer) -> Vec<String> {
    let view = balancer.view();
    let works = |target: &&crate::balancer::TargetView| target.available > 0;
    view.targets.iter().filter(works).map(|target| target.target.to_string()).collect()
}

#[test]
fn health_stays_with_an_address_over_changes_and_goes_with_it() {
    let upstreams = Upstreams::new(Names::unknown(), None, None);
    let all = || vec![target(1, "10.0.0.1:80", 100), target(2, "10.0.0.2:80", 100)];
    let first = configuration(vec![upstream(json!({}))], all(), &Configuration::default());
    let balancer = Arc::clone(&upstreams.follow(&first)["up"]);
    balancer.probed(address("10.0.0.1:80"), Outcome::TcpFailure);
    assert_eq!(working(&balancer), ["10.0.0.2:80"]);

    let again = upstreams.follow(&configuration(vec![upstream(json!({}))], all(), &first));
    assert!(Arc::ptr_eq(&again["up"], &balancer), "nothing changed");

    let more = vec![target(1, "10.0.0.1:80", 50), target(2, "10.0.0.2:80", 100), target(3, "10.0.0.3:80", 1)];
    let changed = configuration(vec![upstream(json!({"algorithm": "latency"}))], more, &first);
    let after = upstreams.follow(&changed);
    assert!(Arc::ptr_eq(&after["up"], &balancer), "requests that hold it see the change");
    assert_eq!(working(&balancer), ["10.0.0.2:80", "10.0.0.3:80"], "another weight and algorithm");

    let without = configuration(vec![upstream(json!({}))], vec![target(2, "10.0.0.2:80", 100)], &changed);
    upstreams.follow(&without);
    upstreams.follow(&configuration(vec![upstream(json!({}))], all(), &without));
    assert_eq!(working(&balancer), ["10.0.0.1:80", "10.0.0.2:80"], "a target that comes back begins anew");

    let renamed = configuration(vec![upstream(json!({"name": "other"}))], all(), &without);
    let after = upstreams.follow(&renamed);
    assert_eq!(after.keys().map(|name| &**name).collect::<Vec<_>>(), ["other"]);
    assert!(upstreams.follow(&Configuration::default()).is_empty());
    assert!(upstreams.balancer(UPSTREAM).is_none());
}

#[test]
fn targets_are_read_in_every_form() {
    let upstreams = Upstreams::new(Names::unknown(), None, None);
    let targets = vec![
        target(1, "10.0.0.1:8000", 100),
        target(2, "[0000:0000:0000:0000:0000:0000:0000:0001]:8443", 7),
        target(3, "name.test:80", 100),
        target(4, "10.0.0.4:80", 0),
    ];
    let balancers =
        upstreams.follow(&configuration(vec![upstream(json!({}))], targets, &Configuration::default()));
    let view = balancers["up"].view();
    let seen: Vec<_> = view
        .targets
        .iter()
        .map(|target| (&*target.host, target.port, target.node_weight, target.total, target.state.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("10.0.0.1", 8000, 100, 100, "HEALTHCHECKS_OFF"),
            ("::1", 8443, 7, 7, "HEALTHCHECKS_OFF"),
            ("name.test", 80, 100, 0, "DNS_ERROR"),
            ("10.0.0.4", 80, 0, 0, "HEALTHCHECKS_OFF"),
        ]
    );
    assert_eq!(view.targets[2].state, TargetState::DnsError);
    assert_eq!(view.targets[1].addresses[0].address, address("[::1]:8443"));
}
