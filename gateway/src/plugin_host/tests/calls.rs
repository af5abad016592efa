//! Honest plugins: edits, reuse, order, and what becomes of instances.

use std::sync::Arc;

use super::guests::Guest;
use super::{Fixture, chain, exchange, reason, spec};
use crate::plugin_host::{Chain, Flow, OnFailure, Placement, Slot};

const EDIT: &str = "(call $edit (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5))";
/// Traps in the second call of one instance.
const ONCE: &str = "(if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable))";

#[tokio::test]
async fn edits_reach_the_request() {
    let fixture = Fixture::new();
    let component = Guest { request_head: EDIT, ..Guest::default() }.build();
    let assignment = fixture.assign(component, &spec()).await;
    for call in 0..3 {
        let (exchange, flow) = fixture.request(&assignment).await;
        assert!(matches!(flow, Flow::Continue), "call {call}: {flow:?}");
        assert_eq!(exchange.request.headers.get("x-out").unwrap(), "value", "call {call}");
    }
    assert_eq!(fixture.host.instances().0, 1, "one warm instance served them all");
    let stats = fixture.host.call_stats();
    assert_eq!(
        stats.iter().map(|stats| (stats.phase, stats.calls[0])).collect::<Vec<_>>(),
        [("request-head", 3)]
    );
}

#[tokio::test]
async fn instances_are_kept_only_if_the_plugin_allows_it() {
    let fixture = Fixture::new();
    for (case, reuse, want) in [("reuse", true, "plugin-trap"), ("per call", false, "went on")] {
        let component = Guest { request_head: ONCE, reuse, ..Guest::default() }.build();
        let assignment = fixture.assign(component, &spec()).await;
        assert_eq!(reason(&fixture.request(&assignment).await.1), "went on", "{case}: first call");
        assert_eq!(reason(&fixture.request(&assignment).await.1), want, "{case}: second call");
        assert_eq!(
            reason(&fixture.request(&assignment).await.1),
            "went on",
            "{case}: a fresh instance again"
        );
    }
}

#[tokio::test]
async fn a_retired_assignment_gives_its_instances_back() {
    let fixture = Fixture::new();
    let assignment = fixture.assign(Guest::default().build(), &spec()).await;
    fixture.request(&assignment).await;
    assert_eq!(fixture.host.instances().0, 1, "warm");
    drop(assignment);
    fixture.instances.sweep();
    assert_eq!(fixture.host.instances().0, 0, "gone");
}

#[tokio::test]
async fn a_broken_assignment_follows_its_policy() {
    let fixture = Fixture::new();
    for (on_failure, want) in [(OnFailure::Closed, "plugin-broken"), (OnFailure::Open, "went on")] {
        let broken = Placement::Broken { on_failure, reason: "no such version".into() };
        let chain = Chain::new(vec![Slot::new("guest", 0, Some(broken), [])]);
        let mut run = chain.begin();
        let (_, flow) = chain.on_request(&fixture.instances, &mut run, exchange()).await;
        assert_eq!(reason(&flow), want, "{on_failure:?}");
    }
}

#[tokio::test]
async fn exhaustion_is_a_matter_of_the_failure_policy() {
    let fixture = Fixture::new();
    let assignment = fixture.assign(Guest::default().build(), &spec()).await;
    let services = fixture.host.services();
    let other = Arc::default();
    let mut permits: Vec<_> = std::iter::from_fn(|| services.capacity.acquire(&other)).collect();
    permits.extend(std::iter::from_fn(|| services.capacity.acquire(&assignment.core.plugin.alive)));
    let (_, flow) = fixture.request(&assignment).await;
    assert_eq!(reason(&flow), "plugin-capacity");
    drop(permits);
    assert_eq!(reason(&fixture.request(&assignment).await.1), "went on", "room again");
}

#[test]
fn slots_run_by_priority_then_by_name_downwards() {
    let slot = |name: &str, priority| Slot::new(name, priority, None, []);
    let chain = Chain::new(vec![slot("a", 1), slot("c", 5), slot("b", 5), slot("d", 9)]);
    assert_eq!(chain.names().collect::<Vec<_>>(), ["d", "c", "b", "a"]);
}

#[tokio::test]
async fn an_empty_chain_changes_nothing() {
    let fixture = Fixture::new();
    let assignment = fixture.assign(Guest::default().build(), &spec()).await;
    assert!(!chain(&assignment).is_empty());
    assert!(Chain::default().is_empty());
}
