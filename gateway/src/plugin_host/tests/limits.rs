//! Each limit of an assignment bites, and no earlier than it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::guests::Guest;
use super::seen::Seen;
use super::{Cached, Fixture, reason, spec};
use crate::plugin_host::{
    Answer, AssignError, AssignmentSpec, HostDeps, Outbound, OutboundError, OutboundRequest, OutboundResponse,
};
use crate::shared::SharedState;

pub(super) const EXCHANGE: &str = r#"
  (import "weir:plugin/exchange@0.1.0" "budget-left" (func $left (result i64)))
  (import "weir:plugin/exchange@0.1.0" "attribute" (func $attribute (param i32 i32 i32)))
  (import "weir:plugin/exchange@0.1.0" "set-attribute" (func $set (param i32 i32 i32 i32)))"#;
pub(super) const WITH_EXCHANGE: &str =
    "import weir:plugin/exchange@0.1.0; export weir:plugin/request-head@0.1.0;";

fn with(limits: Value) -> AssignmentSpec {
    AssignmentSpec { sandbox: json!({ "limits": limits }), ..spec() }
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    let fixture = Fixture::new();
    // Two pages are there; 30 more are less than 2 MiB, and more than 1 MiB.
    let body = "(if (i32.eq (memory.grow (i32.const 28)) (i32.const -1)) (then unreachable))";
    for (mib, want) in [(2, "went on"), (1, "plugin-memory")] {
        let component = Guest { request_head: body, ..Guest::default() }.build();
        let assignment = fixture.assign(component, &with(json!({ "memory_mib": mib }))).await;
        assert_eq!(reason(&fixture.request(&assignment).await.1), want, "{mib} MiB");
    }
}

#[tokio::test]
async fn calls_into_the_gateway_are_counted() {
    let fixture = Fixture::new();
    let body = "(drop (call $left)) (drop (call $left)) (drop (call $left))";
    for (most, want) in [(3, "went on"), (2, "plugin-trap")] {
        let guest = Guest { request_head: body, imports: EXCHANGE, world: WITH_EXCHANGE, ..Guest::default() };
        let assignment = fixture.assign(guest.build(), &with(json!({ "host_calls": most }))).await;
        for call in 0..3 {
            assert_eq!(reason(&fixture.request(&assignment).await.1), want, "{most} allowed, call {call}");
        }
    }
}

#[tokio::test]
async fn attributes_have_a_quota() {
    let fixture = Fixture::new();
    let body = "(call $set (i32.const 64) (i32.const 1) (i32.const 4096) (i32.const 100))
        (call $set (i32.const 65) (i32.const 1) (i32.const 4096) (i32.const 100))";
    for (most, want) in [(202, 2), (201, 1), (100, 0)] {
        let more = r#"(data (i32.const 4096) "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")"#;
        let guest =
            Guest { request_head: body, imports: EXCHANGE, world: WITH_EXCHANGE, more, ..Guest::default() };
        let assignment = fixture.assign(guest.build(), &with(json!({ "attribute_bytes": most }))).await;
        let (exchange, flow) = fixture.request(&assignment).await;
        assert_eq!((reason(&flow), exchange.attributes.iter().count()), ("went on", want), "{most} bytes");
    }
}

#[tokio::test]
async fn lines_to_the_log_are_bounded_whatever_the_number_of_instances() {
    let fixture = Fixture::new();
    let guest = Guest {
        imports: r#"(import "weir:plugin/logging@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#,
        world: "import weir:plugin/logging@0.1.0; export weir:plugin/request-head@0.1.0;",
        // capabilities at 288: one, `logging`
        describe: "(i32.store (i32.const 288) (i32.const 3200)) (i32.store (i32.const 292) (i32.const 1))
            (i32.store (i32.const 3200) (i32.const 3300)) (i32.store (i32.const 3204) (i32.const 7))",
        more: r#"(data (i32.const 3300) "logging")"#,
        request_head: "(call $log (i32.const 4) (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 0))",
        reuse: false,
        ..Guest::default()
    };
    let assignment = fixture.assign(guest.build(), &with(json!({ "log_lines_per_second": 5 }))).await;
    let seen = Seen::begin();
    let begun = Instant::now();
    for _ in 0..100 {
        fixture.request(&assignment).await;
    }
    let seconds = 2 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    let lines = seen.lines("x-out");
    assert!((5..=5 * seconds).contains(&lines.len()), "{} lines in {seconds} seconds", lines.len());
    for part in ["plugin=\"guest\"", "version=\"1.0.0\"", "request_id=\"00000000000000000000000000000007\""] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
}

/// Answers each request with a hundred bytes when it is told to, or at once.
struct Answers(Option<Arc<Semaphore>>);

impl Outbound for Answers {
    fn send(&self, request: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async move {
            if let Some(told) = &self.0 {
                told.acquire().await.unwrap().forget();
            }
            if request.max_response_bytes < 100 {
                return Err(OutboundError::TooLarge);
            }
            Ok(OutboundResponse {
                status: 200,
                headers: HeaderMap::new(),
                body: Bytes::from(vec![b'x'; 100]),
            })
        })
    }
}

fn fixture(told: Option<Arc<Semaphore>>) -> Fixture {
    Fixture::with(HostDeps {
        directory: Arc::new(Cached(|_: &str| None)),
        outbound: Arc::new(Answers(told)),
        log_record: |_, _| {},
        shared: SharedState::default(),
    })
}

/// Sends a request for each `{SEND}`, and traps if one fails.
fn client(sends: usize) -> Vec<u8> {
    let body: &'static str = "(call $one) ".repeat(sends).leak();
    let guest = Guest {
        imports: r#"(import "weir:plugin/http-client@0.1.0" "send"
            (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        world: "import weir:plugin/http-client@0.1.0; export weir:plugin/request-head@0.1.0;",
        describe: "(i32.store (i32.const 288) (i32.const 3200)) (i32.store (i32.const 292) (i32.const 1))
            (i32.store (i32.const 3200) (i32.const 3300)) (i32.store (i32.const 3204) (i32.const 11))",
        more: r#"(data (i32.const 3300) "http-client") (data (i32.const 3320) "GET")
          (data (i32.const 3330) "http://example.com/")
          (func $one
            (call $send (i32.const 3320) (i32.const 3) (i32.const 3330) (i32.const 19) (i32.const 0) (i32.const 0)
              (i32.const 0) (i32.const 0) (i32.const 60000) (i32.const 1000) (i32.const 3400))
            (if (i32.load8_u (i32.const 3400)) (then unreachable)))"#,
        request_head: body,
        ..Guest::default()
    };
    guest.build()
}

fn granted(limits: Value) -> AssignmentSpec {
    let grants = json!({ "http-client": { "hosts": ["example.com"] } });
    AssignmentSpec { sandbox: json!({ "grants": grants, "limits": limits }), ..spec() }
}

#[tokio::test]
async fn bytes_to_the_outside_and_back_are_counted() {
    let fixture = fixture(None);
    // A request is its URL of 19 bytes, an answer has 100.
    for (most, want) in [(238, "went on"), (237, "plugin-trap"), (18, "plugin-trap")] {
        let limits = granted(json!({ "outbound_bytes": most }));
        let assignment = fixture.assign(client(2), &limits).await;
        assert_eq!(reason(&fixture.request(&assignment).await.1), want, "{most} bytes");
    }
}

#[tokio::test]
async fn a_host_that_never_answers_costs_the_wall_time_of_the_exchange() {
    let fixture = fixture(Some(Arc::new(Semaphore::new(0))));
    let assignment = fixture.assign(client(1), &granted(json!({ "wall_ms_per_exchange": 60 }))).await;
    let begun = Instant::now();
    assert_eq!(reason(&fixture.request(&assignment).await.1), "plugin-wall-time");
    let took = begun.elapsed();
    assert!((60..2000).contains(&took.as_millis()), "{took:?}");
    let stats = fixture.host.call_stats();
    assert!(stats[0].suspended >= Duration::from_millis(55), "{:?} were spent waiting", stats[0].suspended);
    assert!(stats[0].started == 1 && !stats[0].starting.is_zero(), "one instance was made: {:?}", stats[0]);
}

#[tokio::test]
async fn instances_at_once_are_limited_for_an_assignment() {
    let told = Arc::new(Semaphore::new(0));
    let fixture = fixture(Some(Arc::clone(&told)));
    let assignment = fixture.assign(client(1), &granted(json!({ "instances": 2 }))).await;
    let last = async {
        // The two before it are waiting by now.
        let flow = fixture.request(&assignment).await.1;
        assert_eq!(reason(&flow), "plugin-capacity");
        told.add_permits(2);
    };
    let (one, two, ()) = tokio::join!(fixture.request(&assignment), fixture.request(&assignment), last);
    assert_eq!((reason(&one.1), reason(&two.1)), ("went on", "went on"));
    told.add_permits(1);
    assert_eq!(reason(&fixture.request(&assignment).await.1), "went on", "there is room again");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let fixture = Fixture::new();
    let plugin = fixture.plugin(Guest::default().build()).await;
    for (sandbox, field) in [
        (json!({"limits": {"instances": 0}}), "limits.instances"),
        (json!({"on_failure_by_cause": {"trap": "ajar"}}), "on_failure_by_cause.trap"),
        (json!({"breaker": {"failures": -1}}), "breaker.failures"),
        (json!({"instances": "some"}), "instances"),
    ] {
        let refused = fixture.host.assign(&plugin, &AssignmentSpec { sandbox, ..spec() }).await;
        let Err(AssignError::Sandbox { field: found, .. }) = refused else { panic!("{field}: {refused:?}") };
        assert_eq!(found, field);
    }
}
