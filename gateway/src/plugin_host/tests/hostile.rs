//! Plugins that loop, trap, grow, recurse and lie: each costs its own call, and nothing more.

use std::time::{Duration, Instant};

use serde_json::json;

use super::guests::Guest;
use super::{Fixture, reason, spec};
use crate::exchange::LocalAnswer;
use crate::plugin_host::{AdmissionError, AssignError, AssignmentSpec, Flow};

const LOOP: &str = "(loop (br 0))";
const GROW: &str = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";

#[tokio::test]
async fn each_way_to_fail_is_told_apart_and_answered_alike() {
    let fixture = Fixture::new();
    for (case, body, want) in [
        ("endless loop", LOOP, "plugin-guest-time"),
        ("trap", "unreachable", "plugin-trap"),
        ("memory", GROW, "plugin-memory"),
        ("recursion", "(drop (call $head (i32.const 0) (i32.const 0)))", "plugin-trap"),
        (
            "CR LF in a value",
            "(call $edit (i32.const 100) (i32.const 5) (i32.const 116) (i32.const 7))",
            "plugin-bad-answer",
        ),
        (
            "framing",
            "(call $edit (i32.const 128) (i32.const 14) (i32.const 108) (i32.const 5))",
            "plugin-bad-answer",
        ),
        (
            "a value outside memory",
            "(call $edit (i32.const 100) (i32.const 5) (i32.const 0x7fffffff) (i32.const 5))",
            "plugin-trap",
        ),
        (
            "a value of a gigabyte",
            "(call $edit (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 0x3fffffff))",
            "plugin-trap",
        ),
        ("a pointer into nothing", "(return (i32.const 0x7ffffff8))", "plugin-trap"),
    ] {
        let component = Guest { request_head: body, ..Guest::default() }.build();
        let assignment = fixture.assign(component, &spec()).await;
        let (exchange, flow) = fixture.request(&assignment).await;
        assert_eq!(reason(&flow), want, "{case}");
        let Flow::Respond(LocalAnswer { status, .. }) = flow else { panic!("{case}: closed") };
        assert_eq!(status, 500, "{case}");
        assert_eq!(exchange.request.headers.len(), 2, "{case}: no edit was applied");
        // A bad answer ends a call in order: only what stops a guest half-way costs its instance.
        let kept = u32::from(want == "plugin-bad-answer");
        assert_eq!(fixture.host.instances().0, kept, "{case}: instances left");
        drop(assignment);
        fixture.instances.sweep();
    }
}

#[tokio::test]
async fn open_policy_lets_the_request_go_on() {
    let fixture = Fixture::new();
    let component = Guest { request_head: "unreachable", ..Guest::default() }.build();
    let open = AssignmentSpec { sandbox: json!({"on_failure": "open"}), ..spec() };
    let assignment = fixture.assign(component, &open).await;
    assert!(matches!(fixture.request(&assignment).await.1, Flow::Continue));
}

#[tokio::test]
async fn a_loop_ends_near_its_limit_also_on_a_fiber() {
    let fixture = Fixture::new();
    let component = Guest { request_head: LOOP, ..Guest::default() }.build();
    let limited = AssignmentSpec { sandbox: json!({"limits": {"guest_ms_per_call": 5}}), ..spec() };
    let assignment = fixture.assign(component, &limited).await;
    // After a few overruns calls move to threads of their own, and to fibers there.
    for call in 0..6 {
        let begun = Instant::now();
        let (_, flow) = fixture.request(&assignment).await;
        assert_eq!(reason(&flow), "plugin-guest-time", "call {call}");
        assert!(begun.elapsed() < Duration::from_secs(5), "call {call} took {:?}", begun.elapsed());
    }
    assert!(assignment.core.suspends(), "it has lost the right to block its worker");
}

#[tokio::test]
async fn ten_thousand_traps_leave_every_slot_free() {
    let fixture = Fixture::new();
    let component = Guest { request_head: "unreachable", ..Guest::default() }.build();
    let untiring = AssignmentSpec { sandbox: json!({"breaker": {"failures": 0}}), ..spec() };
    let assignment = fixture.assign(component, &untiring).await;
    for _ in 0..10_000 {
        assert_eq!(reason(&fixture.request(&assignment).await.1), "plugin-trap");
    }
    assert_eq!(fixture.host.instances().0, 0, "no instance is left");
    let metrics = assignment.core.plugin.engine().pooling_allocator_metrics().unwrap();
    assert_eq!(metrics.core_instances(), 0, "no slot is taken");
}

#[tokio::test]
async fn describe_and_configure_are_bounded_too() {
    let fixture = Fixture::new();
    let more = "(func $deep (call $deep))";
    let cases = [("loop", LOOP), ("trap", "unreachable"), ("memory", GROW), ("stack", "(call $deep)")];
    for (case, describe) in cases {
        let component = Guest { describe, more, ..Guest::default() }.build();
        let refused = fixture.host.admit(component.into()).await;
        assert!(matches!(refused, Err(AdmissionError::Describe(_))), "describe: {case}: {refused:?}");
    }
    for (case, configure) in cases {
        let plugin = fixture.plugin(Guest { configure, more, ..Guest::default() }.build()).await;
        let refused = fixture.host.assign(&plugin, &spec()).await;
        assert!(matches!(refused, Err(AssignError::Configure(_))), "configure: {case}: {refused:?}");
    }
}
