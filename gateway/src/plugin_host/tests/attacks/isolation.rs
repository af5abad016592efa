//! What one plugin has, another cannot reach.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use uuid::Uuid;

use super::arena::{Arena, resident};
use super::guest::build;
use crate::plugin_host::tests::guests::Guest;
use crate::plugin_host::tests::{Fixture, chain, exchange, reason, spec};
use crate::plugin_host::{Assignment, AssignmentSpec, Flow};

/// Takes one of a single place in a window of an hour, and traps if there is none.
const TAKE: &str = r#"(call $take (i32.const 100) (i32.const 5) (i64.const 1) (i64.const 3600000) (i64.const 1) (i32.const 6000))
    (if (i32.eqz (i32.load8_u (i32.const 6000))) (then unreachable))"#;

/// Sets an attribute.
const SET: &str = "(call $set (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5))";

#[tokio::test]
async fn counters_belong_to_one_assignment() {
    let fixture = Fixture::new();
    let counting = Guest {
        imports: r#"(import "weir:plugin/local-counters@0.1.0" "fixed-window"
            (func $take (param i32 i32 i64 i64 i64 i32)))"#,
        world: "export weir:plugin/request-head@0.1.0; import weir:plugin/local-counters@0.1.0;",
        // The capability, as `describe` lists it.
        more: r#"(data (i32.const 30500) "local-counters")
            (data (i32.const 30000) "\24\77\00\00\0e\00\00\00\24\77\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
            (data (i32.const 288) "\30\75\00\00\01\00\00\00")"#,
        request_head: TAKE,
        ..Guest::default()
    };
    let plugin = fixture.plugin(counting.build()).await;
    let mut assignments: Vec<Arc<Assignment>> = Vec::new();
    for id in [1, 2] {
        let spec = AssignmentSpec::new(Uuid::from_u128(id), "{}");
        assignments.push(fixture.host.assign(&plugin, &spec).await.unwrap());
    }
    let mut ends = Vec::new();
    for assignment in assignments.iter().chain(&assignments) {
        ends.push(reason(&fixture.request(assignment).await.1).to_owned());
    }
    assert_eq!(ends, ["went on", "went on", "plugin-trap", "plugin-trap"], "each has one place of its own");
}

#[tokio::test]
async fn attributes_end_with_their_exchange() {
    let fixture = Fixture::new();
    let setting = Guest {
        imports: r#"(import "weir:plugin/exchange@0.1.0" "set-attribute" (func $set (param i32 i32 i32 i32)))"#,
        world: "export weir:plugin/request-head@0.1.0; import weir:plugin/exchange@0.1.0;",
        request_head: SET,
        ..Guest::default()
    };
    let setter = fixture.assign(setting.build(), &spec()).await;
    let (first, _) = fixture.request(&setter).await;
    assert_eq!(first.attributes.get("x-out"), Some("value"), "it was set");
    let other = fixture.assign(Guest::default().build(), &spec()).await;
    let (second, _) = fixture.request(&other).await;
    assert_eq!(second.attributes.get("x-out"), None, "and is gone with its exchange");
}

#[tokio::test]
async fn a_plugin_that_takes_all_instances_leaves_room_for_others() {
    let mut arena = Arena::open().await;
    let plugin = arena.fixture.plugin(build("time/wait-without-end")).await;
    let greedy_spec = arena.spec(r#"{"wall_ms_per_exchange": 2000}"#, "closed");
    let greedy = arena.fixture.host.assign(&plugin, &greedy_spec).await.unwrap();
    let greedy_chain = chain(&greedy);
    let (fixture, host) = (&arena.fixture, &arena.fixture.host);
    // More calls than the host has room for, all of which wait.
    let mut calls: Vec<_> = (0..40)
        .map(|_| {
            Box::pin(async {
                let mut run = greedy_chain.begin();
                let (_, flow) = greedy_chain.on_request(&fixture.instances, &mut run, exchange()).await;
                reason(&flow).to_owned()
            })
        })
        .collect();
    let mut ends = Vec::new();
    poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(end) => {
                ends.push(end);
                false
            }
            Poll::Pending => true,
        });
        Poll::Ready(())
    })
    .await;
    assert!(ends.iter().all(|end| end == "plugin-capacity") && !ends.is_empty(), "too many: {ends:?}");
    assert!(!calls.is_empty() && host.instances().0 < host.instances().1, "room is left");
    let honest = fixture.assign(Guest { reuse: false, ..Guest::default() }.build(), &spec()).await;
    for _ in 0..10 {
        let (_, flow) = fixture.request(&honest).await;
        assert!(matches!(flow, Flow::Continue), "another plugin runs: {flow:?}");
    }
    for call in calls {
        assert_eq!(call.await, "plugin-wall-time");
    }
    drop((greedy_chain, greedy, honest));
    arena.nothing_is_left("all instances taken").await;
    arena.close();
}

#[tokio::test]
async fn an_assignment_may_go_while_it_is_called() {
    let mut arena = Arena::open().await;
    let plugin = arena.fixture.plugin(build("time/wait-without-end")).await;
    let spec = arena.spec(r#"{"wall_ms_per_exchange": 200}"#, "closed");
    let leaving = arena.fixture.host.assign(&plugin, &spec).await.unwrap();
    let leaving_chain = chain(&leaving);
    let mut run = leaving_chain.begin();
    let mut call = Box::pin(leaving_chain.on_request(&arena.fixture.instances, &mut run, exchange()));
    poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    drop((leaving, plugin));
    arena.fixture.instances.sweep();
    assert_eq!(reason(&call.await.1), "plugin-wall-time", "the call keeps what it began with");
    drop(leaving_chain);
    arena.nothing_is_left("a call of what is gone").await;
    arena.close();
}

#[tokio::test]
async fn traps_leave_memory_flat() {
    // An unoptimised engine takes ten minutes for the whole number.
    let traps = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    let fixture = Fixture::new();
    let without_breaker = serde_json::json!({"breaker": {"failures": 0}});
    let spec = AssignmentSpec { sandbox: without_breaker, ..spec() };
    let trapping = fixture.assign(build("life/traps"), &spec).await;
    let mut before = 0;
    for call in 0..traps {
        assert_eq!(reason(&fixture.request(&trapping).await.1), "plugin-trap", "call {call}");
        // What a first call makes for good is there by then.
        if call == 1000 {
            before = resident();
        }
    }
    assert_eq!(fixture.host.instances().0, 0, "no instance is left");
    // Other tests of this process come and go meanwhile; a trap that kept its instance would cost 128 KiB.
    let growth = resident().saturating_sub(before);
    assert!(growth < 256 << 20, "the process grew by {} MiB", growth >> 20);
}
