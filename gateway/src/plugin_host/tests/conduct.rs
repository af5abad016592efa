//! Plugins that keep failing are left alone, those that loop leave the workers, and both may come back.

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::guests::Guest;
use super::limits::{EXCHANGE, WITH_EXCHANGE};
use super::{Fixture, exchange, reason, spec};
use crate::exchange::Exchange;
use crate::plugin_host::{AssignmentSpec, CallFailure, CallOutcome, Direction, Filter, Flow};

/// Does `what` if the request has the attribute `g`.
fn guest(what: &str) -> Vec<u8> {
    let body: &'static str = format!(
        "(call $attribute (i32.const 64) (i32.const 1) (i32.const 3400))
         (if (i32.load8_u (i32.const 3400)) (then {what}))"
    )
    .leak();
    Guest { request_head: body, imports: EXCHANGE, world: WITH_EXCHANGE, ..Guest::default() }.build()
}

fn marked() -> Box<Exchange> {
    let mut exchange = exchange();
    exchange.attributes.set("g".into(), "1".into()).unwrap();
    exchange
}

/// Calls that reached the guest and trapped.
fn traps(fixture: &Fixture) -> u64 {
    let trap = CallOutcome::ALL.iter().position(|one| *one == CallOutcome::Trap).unwrap();
    fixture.host.call_stats().iter().map(|stats| stats.calls[trap]).sum()
}

#[tokio::test]
async fn a_plugin_that_keeps_trapping_is_left_alone_and_tried_again() {
    let fixture = Fixture::new();
    let rules = json!({ "breaker": { "failures": 4, "rest_ms": 300 } });
    let assignment = fixture.assign(guest("unreachable"), &AssignmentSpec { sandbox: rules, ..spec() }).await;
    for call in 0..4 {
        assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "plugin-trap", "call {call}");
    }
    let Flow::Respond(answer) = fixture.request(&assignment).await.1 else { panic!("it is closed") };
    assert_eq!((answer.reason.as_str(), answer.status), ("plugin-resting", StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(answer.headers["retry-after"], "1", "in whole seconds");
    assert_eq!(traps(&fixture), 4, "the guest was not called");
    let report = fixture.host.conduct();
    assert_eq!((report.unusual, report.listed[0].resting, report.opened["guest"]), (1, 1, 1));
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "plugin-trap", "it is tried");
    assert_eq!(reason(&fixture.request(&assignment).await.1), "plugin-resting", "and was no better");
    tokio::time::sleep(Duration::from_millis(610)).await;
    for call in 0..5 {
        assert_eq!(reason(&fixture.request(&assignment).await.1), "went on", "good again: call {call}");
    }
    assert_eq!(fixture.host.conduct().unusual, 0);
}

#[tokio::test]
async fn the_policy_of_the_cause_holds_while_a_breaker_is_open() {
    let fixture = Fixture::new();
    let sandbox = json!({ "breaker": { "failures": 2 }, "on_failure_by_cause": { "trap": "open" } });
    let assignment = fixture.assign(guest("unreachable"), &AssignmentSpec { sandbox, ..spec() }).await;
    for call in 0..6 {
        assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "went on", "call {call}");
    }
    assert_eq!(traps(&fixture), 2, "from then on it was not called");
}

/// The longest time that other tasks of this thread had to wait while `work` ran.
async fn longest_gap(work: impl Future<Output = ()>) -> Duration {
    let (mut longest, done) = (Duration::ZERO, Cell::new(false));
    let ticking = async {
        while !done.get() {
            let last = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(last.elapsed());
        }
    };
    let working = async {
        work.await;
        done.set(true);
    };
    tokio::join!(ticking, working);
    longest
}

#[tokio::test]
async fn a_plugin_that_loops_leaves_its_worker_and_comes_back_when_it_behaves() {
    let fixture = Fixture::new();
    let sandbox = json!({
        // Time enough on a busy machine: the lane takes what is left over.
        "limits": { "guest_ms_per_call": 300, "wall_ms_per_exchange": 60_000 },
        "breaker": { "failures": 0 },
    });
    let assignment = fixture.assign(guest("(loop (br 0))"), &AssignmentSpec { sandbox, ..spec() }).await;
    let overrun = || async {
        assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "plugin-guest-time");
    };
    let on_the_worker = longest_gap(overrun()).await;
    assert!(on_the_worker >= Duration::from_millis(250), "it held its worker: {on_the_worker:?}");
    overrun().await;
    overrun().await;
    assert!(assignment.core.conduct.is_away(), "three are too many");
    assert!(fixture.host.conduct().listed[0].away, "and the operator can see it");
    let beside = longest_gap(overrun()).await;
    assert!(beside < Duration::from_millis(200), "others went on: {beside:?}");
    for call in 0..100 {
        assert!(assignment.core.conduct.is_away(), "call {call}");
        assert_eq!(reason(&fixture.request(&assignment).await.1), "went on", "call {call}");
    }
    assert!(!assignment.core.conduct.is_away(), "it has behaved");
    assert!(fixture.host.call_stats()[0].queued > Duration::ZERO, "the way to the other thread is counted");
}

#[tokio::test]
async fn the_slow_lane_is_bounded() {
    let fixture = Fixture::new();
    let sandbox = json!({ "limits": { "guest_ms_per_call": 5 }, "breaker": { "failures": 0 } });
    let assignment = fixture.assign(guest("(loop (br 0))"), &AssignmentSpec { sandbox, ..spec() }).await;
    for _ in 0..3 {
        fixture.send(&assignment, marked()).await;
    }
    let turns: Vec<_> = std::iter::from_fn(|| fixture.host.services().lane.turn()).collect();
    assert_eq!(turns.len(), 32, "calls of one thread");
    assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "plugin-capacity");
    drop(turns);
    assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "plugin-guest-time", "room again");
}

/// Streams the bodies of requests, and loops at a chunk that begins with `l`.
fn streaming() -> Vec<u8> {
    Guest {
        // Two phases: the head of the request, and its chunks.
        configure: "(i32.store (i32.const 524) (i32.const 2)) (i32.store8 (i32.const 612) (i32.const 2))",
        request_head: "(i32.store8 (i32.const 1176) (i32.const 1))",
        more: r#"(func (export "weir:plugin/request-stream@0.1.0#on-request-chunk") (param i32 i32 i32) (result i32)
            (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 108)) (then (loop (br 0))))
            (i32.const 3000))"#,
        world: "export weir:plugin/request-head@0.1.0; export weir:plugin/request-stream@0.1.0;",
        ..Guest::default()
    }
    .build()
}

#[tokio::test]
async fn a_plugin_that_loops_in_chunks_leaves_its_worker_as_well() {
    let fixture = Fixture::new();
    let sandbox = json!({
        "limits": { "guest_ms_per_call": 300, "wall_ms_per_exchange": 60_000 },
        "breaker": { "failures": 0 },
    });
    let assignment = fixture.assign(streaming(), &AssignmentSpec { sandbox, ..spec() }).await;
    let chain = super::chain(&assignment);
    let begin = async || {
        let mut run = chain.begin();
        let (exchange, flow) = chain.on_request(&fixture.instances, &mut run, exchange()).await;
        assert_eq!(reason(&flow), "went on");
        chain.filter(Direction::Request, &mut run, &exchange).expect("it streams")
    };
    let overrun = async |filter: &mut Filter| {
        let ended = filter.chunk(&fixture.instances, Bytes::from_static(b"l"), true).await;
        assert!(matches!(ended, Err(CallFailure::GuestTime)), "{ended:?}");
    };
    let mut kept = begin().await;
    let on_the_worker = longest_gap(async { overrun(&mut begin().await).await }).await;
    assert!(on_the_worker >= Duration::from_millis(250), "it held its worker: {on_the_worker:?}");
    overrun(&mut begin().await).await;
    overrun(&mut begin().await).await;
    assert!(assignment.core.conduct.is_away(), "three are too many");
    let with_its_instance = longest_gap(overrun(&mut kept)).await;
    assert!(with_its_instance < Duration::from_millis(200), "also a body from before: {with_its_instance:?}");
    let beside = longest_gap(async { overrun(&mut begin().await).await }).await;
    assert!(beside < Duration::from_millis(200), "others went on: {beside:?}");
    let mut sound = begin().await;
    let chunk = sound.chunk(&fixture.instances, Bytes::from_static(b"sound"), false).await;
    assert_eq!(chunk.unwrap(), "sound", "there it works as here");
    let turns: Vec<_> = std::iter::from_fn(|| fixture.host.services().lane.turn()).collect();
    let refused = sound.chunk(&fixture.instances, Bytes::from_static(b"sound"), true).await;
    assert!(matches!(refused, Err(CallFailure::Capacity)), "the lane is full: {refused:?}");
    drop(turns);
}
