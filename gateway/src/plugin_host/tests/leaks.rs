//! What one request leaves behind is gone for the next, if each has an instance of its own.

use serde_json::json;

use super::guests::Guest;
use super::limits::{EXCHANGE, WITH_EXCHANGE};
use super::{Fixture, exchange, reason, spec};
use crate::plugin_host::AssignmentSpec;

/// With the attribute `g`, writes a marker over all memory that it may have, over a global and a table.
/// Without it, takes as much memory and traps if it finds the marker anywhere.
const BODY: &str = r#"
  (call $attribute (i32.const 64) (i32.const 1) (i32.const 3400))
  (drop (memory.grow (i32.const 30)))
  (if (i32.load8_u (i32.const 3400))
    (then
      (global.set $secret (i64.const 0x5ec2e75ec2e75ec2))
      (table.fill $kept (i32.const 0) (ref.func $marker) (i32.const 8))
      (memory.fill (i32.const 130000) (i32.const 0xa5) (i32.const 1967152)))
    (else
      (if (i64.ne (global.get $secret) (i64.const 0)) (then unreachable))
      (call $scan_table)
      (call $scan_memory)))"#;

const MORE: &str = r#"
  (global $secret (mut i64) (i64.const 0))
  (table $kept 8 funcref)
  (func $marker)
  (elem declare func $marker)
  (func $scan_table (local $at i32)
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $kept (local.get $at)))) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 8)))))
  (func $scan_memory (local $at i32)
    (local.set $at (i32.const 130000))
    (loop $next
      (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 2097144)))))"#;

fn marked() -> Box<crate::exchange::Exchange> {
    let mut exchange = exchange();
    exchange.attributes.set("g".into(), "1".into()).unwrap();
    exchange
}

/// Whether any request found what another had left.
async fn leaks(reuse: bool, sandbox: serde_json::Value) -> bool {
    let fixture = Fixture::new();
    let guest = Guest {
        request_head: BODY,
        imports: EXCHANGE,
        world: WITH_EXCHANGE,
        more: MORE,
        reuse,
        ..Guest::default()
    };
    let assignment = fixture.assign(guest.build(), &AssignmentSpec { sandbox, ..spec() }).await;
    for _ in 0..50 {
        // One instance at a time, so that all have the same slot; the memory is eight times what the
        // pool keeps resident.
        assert_eq!(reason(&fixture.send(&assignment, marked()).await.1), "went on");
        match reason(&fixture.request(&assignment).await.1) {
            "went on" => {}
            "plugin-trap" => return true,
            other => panic!("{other}"),
        }
    }
    false
}

#[tokio::test]
async fn a_fresh_instance_finds_nothing_of_the_one_before_it() {
    let time = json!({ "limits": { "guest_ms_per_call": 500 } });
    assert!(!leaks(false, time.clone()).await, "the plugin wants an instance for each call");
    let forced = json!({ "limits": { "guest_ms_per_call": 500 }, "instances": "per-call" });
    assert!(!leaks(true, forced).await, "the operator does");
    assert!(leaks(true, time).await, "a kept instance remembers, or this test would see nothing");
}
