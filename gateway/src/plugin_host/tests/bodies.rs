//! The examples that see bodies, in chains that mix the modes.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::{Value, json};
use uuid::Uuid;
use weir_plugin_build::{Options, build_packages};

use super::{Fixture, exchange, reason};
use crate::exchange::Exchange;
use crate::plugin_host::{
    Assignment, AssignmentSpec, CallFailure, Chain, Direction, Flow, OnFailure, Placement, Slot,
};

/// The component of an example, built from its source.
fn example(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = build_packages(&root, &[name], &Options::default()).unwrap();
    std::fs::read(&built[0].path).unwrap()
}

/// Assignments in the order of the list.
async fn chain(
    fixture: &Fixture,
    plugins: &[(&Arc<crate::plugin_host::Plugin>, Value)],
) -> (Chain, Vec<Arc<Assignment>>) {
    let (mut slots, mut all) = (Vec::new(), Vec::new());
    for (at, (plugin, config)) in plugins.iter().enumerate() {
        let id = Uuid::from_u128(at as u128 + 1);
        let mut spec = AssignmentSpec::new(id, config.to_string());
        spec.priority = Some(1000 - i32::try_from(at).unwrap());
        let assignment = fixture.host.assign(plugin, &spec).await.unwrap();
        let live = Placement::Live(Arc::clone(&assignment));
        slots.push(Slot::new(format!("plugin-{at}"), assignment.priority(), Some(live), []));
        all.push(assignment);
    }
    (Chain::new(slots), all)
}

fn json_request() -> Box<Exchange> {
    let mut exchange = exchange();
    exchange.request.headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    exchange
}

#[tokio::test]
async fn a_chain_of_mixed_modes_is_walked_in_order() {
    let fixture = Fixture::new();
    let json_field = fixture.plugin(example("json-field")).await;
    let chunk_count = fixture.plugin(example("chunk-count")).await;
    let first = json!({ "pointer": "/user/id", "header": "x-user", "remove": "secret" });
    let second = json!({ "pointer": "/secret", "header": "x-secret", "max_bytes": 1000 });
    let (chain, _kept) = chain(
        &fixture,
        &[(&chunk_count, json!({})), (&json_field, first), (&json_field, second), (&chunk_count, json!({}))],
    )
    .await;
    let mut run = chain.begin();
    let (exchange, flow) = chain.on_request(&fixture.instances, &mut run, json_request()).await;
    assert!(matches!(flow, Flow::Collect(65_536)), "{flow:?}");
    let mut filter = chain.stream_filter(Direction::Request, &mut run, &exchange).expect("the first streams");
    let body = Bytes::from_static(br#"{"user": {"id": 7}, "secret": 1}"#);
    let mut body = filter.chunk(&fixture.instances, body, true).await.unwrap();
    filter.end(&fixture.instances);
    let (exchange, flow) = chain.on_request_body(&fixture.instances, &mut run, exchange, Ok(&mut body)).await;
    assert!(matches!(flow, Flow::Collect(1000)), "nothing is collected anew: {flow:?}");
    assert_eq!(exchange.request.headers.get("x-user").unwrap(), "7", "the head was still here");
    assert_eq!(body, r#"{"user":{"id":7}}"#);
    assert_eq!(exchange.request.headers.get(CONTENT_LENGTH).unwrap(), "17", "of the new body");
    let (exchange, flow) = chain.on_request_body(&fixture.instances, &mut run, exchange, Ok(&mut body)).await;
    assert!(matches!(flow, Flow::Continue), "{flow:?}");
    assert!(exchange.request.headers.get("x-secret").is_none(), "it saw what the first had left");
    let filter = chain.filter(Direction::Request, &mut run, &exchange).expect("the last streams");
    assert!(filter.changes_length());
    let count = |phase| {
        fixture
            .host
            .call_stats()
            .iter()
            .filter(|stats| stats.phase == phase)
            .map(|stats| stats.calls[0])
            .sum::<u64>()
    };
    assert_eq!((count("request-head"), count("request-stream"), count("request-body")), (4, 1, 2));
}

#[tokio::test]
async fn a_body_that_cannot_be_had_is_a_matter_of_the_policy() {
    let fixture = Fixture::new();
    let json_field = fixture.plugin(example("json-field")).await;
    for (policy, want) in [(OnFailure::Closed, "plugin-capacity"), (OnFailure::Open, "went on")] {
        let mut spec =
            AssignmentSpec::new(Uuid::from_u128(1), json!({ "pointer": "/a", "header": "x" }).to_string());
        spec.sandbox = json!({ "on_failure": if policy == OnFailure::Open { "open" } else { "closed" } });
        let assignment = fixture.host.assign(&json_field, &spec).await.unwrap();
        let chain = super::chain(&assignment);
        let mut run = chain.begin();
        let (exchange, flow) = chain.on_request(&fixture.instances, &mut run, json_request()).await;
        assert_eq!(reason(&flow), "wants the body");
        let none = Err(CallFailure::Capacity);
        let (_, flow) = chain.on_request_body(&fixture.instances, &mut run, exchange, none).await;
        assert_eq!(reason(&flow), want);
    }
}

#[tokio::test]
async fn slow_bodies_leave_room_for_calls() {
    let fixture = Fixture::new();
    let chunk_count = fixture.plugin(example("chunk-count")).await;
    let (chain, _kept) = chain(&fixture, &[(&chunk_count, json!({}))]).await;
    let (_, limit) = fixture.host.instances();
    let mut bodies = Vec::new();
    let mut refused = 0;
    for _ in 0..limit {
        let mut run = chain.begin();
        let (_, flow) = chain.on_request(&fixture.instances, &mut run, exchange()).await;
        match flow {
            Flow::Continue => bodies.push(run),
            Flow::Respond(answer) => refused += u32::from(answer.reason == "plugin-capacity"),
            Flow::Collect(_) => panic!("it streams"),
        }
    }
    assert_eq!(bodies.len(), (limit / 4 / 4 * 3) as usize, "one plugin has three quarters of a quarter");
    assert_eq!(refused, limit - u32::try_from(bodies.len()).unwrap());
    drop(bodies);
    let (_, flow) = chain.on_request(&fixture.instances, &mut chain.begin(), exchange()).await;
    assert!(matches!(flow, Flow::Continue), "room again: {flow:?}");
}
