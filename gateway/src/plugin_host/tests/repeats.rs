//! Verdicts that are given again in place of a call, through the whole host.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::bundled::{alice, bundled};
use super::guests::Guest;
use super::{Cached, Fixture, chain, exchange, reason, spec};
use crate::exchange::Exchange;
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Flow, HostDeps};

/// Goes on in the first call of an instance with an edit, and traps in the second.
const ONCE: &str = "(if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable))
    (call $edit (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5))";
/// Says that the verdict on a request's head is repeatable, and wants the path.
const SAYS: &str = r#"(data (i32.const 604) "\80\02\00\00\01\00\00\00") (data (i32.const 640) "\03")
    (data (i32.const 700) "\d0\02\00\00\01\00\00\00") (data (i32.const 720) "\00")
    (func (export "weir:plugin/repeatable@0.1.0#repeatable-phases") (result i32) (i32.const 700))"#;
const WORLD: &str = "export weir:plugin/request-head@0.1.0; export weir:plugin/repeatable@0.1.0;";

fn at(path: &str) -> Box<Exchange> {
    let mut exchange = exchange();
    exchange.request.uri = path.parse().unwrap();
    exchange
}

/// Sends `/a` and then `second`, and gives how that went.
async fn again(guest: &Guest<'_>, second: &str, case: &str) -> bool {
    let fixture = Fixture::new();
    let assignment = fixture.assign(guest.build(), &spec()).await;
    assert_eq!(reason(&fixture.send(&assignment, at("/a")).await.1), "went on", "{case}: the first");
    let (exchange, flow) = fixture.send(&assignment, at(second)).await;
    let went_on = reason(&flow) == "went on";
    assert_eq!(exchange.request.headers.get("x-out").is_some(), went_on, "{case}: the edit");
    assert_eq!(counted(&fixture, CallOutcome::Repeated), u64::from(went_on), "{case}");
    assert_eq!(counted(&fixture, CallOutcome::Trap), u64::from(!went_on), "{case}");
    went_on
}

#[tokio::test]
async fn a_verdict_is_given_again_to_the_same_inputs_if_the_plugin_says_so() {
    let says = Guest { request_head: ONCE, more: SAYS, world: WORLD, ..Guest::default() };
    let silent = Guest { request_head: ONCE, ..Guest::default() };
    for (case, guest, second, want) in [
        ("the same inputs", &says, "/a", true),
        ("what it did not ask for is another", &says, "/a?b", true),
        ("other inputs", &says, "/b", false),
        ("it does not say so", &silent, "/a", false),
    ] {
        assert_eq!(again(guest, second, case).await, want, "{case}");
    }
}

/// Whatever the plugin says of itself.
#[tokio::test]
async fn a_call_that_asked_for_what_may_change_is_not_kept() {
    for (interface, function, kind, call, want) in [
        ("clock", "now-unix-ns", "(result i64)", "(drop (call $ask))", false),
        ("clock", "monotonic-ns", "(result i64)", "(drop (call $ask))", false),
        ("exchange", "budget-left", "(result i64)", "(drop (call $ask))", false),
        (
            "exchange",
            "attribute",
            "(param i32 i32 i32)",
            "(call $ask (i32.const 100) (i32.const 5) (i32.const 4000))",
            false,
        ),
        (
            "exchange",
            "set-attribute",
            "(param i32 i32 i32 i32)",
            "(call $ask (i32.const 100) (i32.const 5) (i32.const 108) (i32.const 5))",
            false,
        ),
        ("exchange", "groups", "(param i32)", "(call $ask (i32.const 4000))", true),
        ("logging", "enabled", "(param i32) (result i32)", "(drop (call $ask (i32.const 4)))", false),
        ("body", "len", "(result i64)", "(drop (call $ask))", false),
    ] {
        let case = format!("{interface}.{function}");
        let import = format!(r#"(import "weir:plugin/{interface}@0.1.0" "{function}" (func $ask {kind}))"#);
        let (world, body) =
            (format!("import weir:plugin/{interface}@0.1.0; {WORLD}"), format!("{call} {ONCE}"));
        let guest =
            Guest { imports: &import, world: &world, request_head: &body, more: SAYS, ..Guest::default() };
        assert_eq!(again(&guest, "/a", &case).await, want, "{case}");
    }
}

#[tokio::test]
async fn verdicts_go_with_their_assignment() {
    let fixture = Fixture::new();
    let guest = Guest { request_head: ONCE, more: SAYS, world: WORLD, ..Guest::default() }.build();
    for round in 0..3 {
        let assignment = fixture.assign(guest.clone(), &spec()).await;
        assert_eq!(reason(&fixture.send(&assignment, at("/a")).await.1), "went on", "{round}");
        assert_eq!(counted(&fixture, CallOutcome::Proceed), round + 1, "asked anew");
    }
}

fn counted(fixture: &Fixture, outcome: CallOutcome) -> u64 {
    let place = CallOutcome::ALL.iter().position(|one| *one == outcome).unwrap();
    fixture.host.call_stats().iter().map(|stats| stats.calls[place]).sum()
}

#[tokio::test]
async fn a_caller_is_known_again_until_the_key_is_revoked() {
    let good = Arc::new(Mutex::new(Some(alice())));
    let cache = Arc::clone(&good);
    let directory = Cached(move |key: &str| Some(cache.lock().unwrap().clone().filter(|_| key == "good")));
    let fixture = Fixture::with(HostDeps { directory: Arc::new(directory), ..Fixture::nothing() });
    let assignment = bundled(&fixture, "key-auth", json!({"hide_credentials": true})).await;
    let chain = chain(&assignment);
    let send = async |key: &'static str| {
        let mut exchange = exchange();
        exchange.request.headers.insert("apikey", key.parse().unwrap());
        let (exchange, flow) = chain.on_request(&fixture.instances, &mut chain.begin(), exchange).await;
        let identity = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
        let told = exchange.request.headers.get("x-consumer-username").map(|name| name.to_str().unwrap());
        assert_eq!(identity.and_then(|consumer| consumer.username.as_deref()), told);
        let hidden = exchange.request.headers.get("apikey").is_none();
        (told.map(str::to_owned), hidden, matches!(flow, Flow::Respond(answer) if answer.status == 401))
    };
    let (alice, nobody) = ((Some("alice".to_owned()), true, false), (None, false, true));
    for (case, key, want, repeated) in [
        ("a call", "good", &alice, 0),
        ("known", "good", &alice, 1),
        ("another's call", "bad", &nobody, 1),
        ("known too", "bad", &nobody, 2),
    ] {
        let got = send(key).await;
        // Whether the key is still there is of no matter for an answer of the gateway's own.
        assert_eq!((&got.0, got.2), (&want.0, want.2), "{case}");
        assert!(got.1 || want.2, "{case}: the upstream does not see the key");
        assert_eq!(counted(&fixture, CallOutcome::Repeated), repeated, "{case}");
    }
    *good.lock().unwrap() = None;
    assert!(send("good").await.2, "revoked");
    assert_eq!(counted(&fixture, CallOutcome::Repeated), 2, "by a call");
}
