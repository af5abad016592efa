//! Verdicts that are given again in place of a call, through the whole host.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::bundled::{alice, bundled};
use super::guests::Guest;
use super::{Fixture, Nothing, chain, exchange, reason, spec};
use crate::exchange::{ConsumerFacts, Exchange};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Answer, Directory, Flow, FoundCredential, HostDeps};
use crate::shared::SharedState;

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

#[tokio::test]
async fn a_verdict_is_given_again_if_nothing_but_its_inputs_decides() {
    let says = Guest { request_head: ONCE, more: SAYS, world: WORLD, ..Guest::default() };
    let body = format!("(drop (call $now)) {ONCE}");
    let asks = Guest {
        imports: r#"(import "weir:plugin/clock@0.1.0" "now-unix-ns" (func $now (result i64)))"#,
        world: &format!("import weir:plugin/clock@0.1.0; {WORLD}"),
        request_head: &body,
        more: SAYS,
        ..Guest::default()
    };
    let silent = Guest { request_head: ONCE, ..Guest::default() };
    for (case, guest, second, want) in [
        ("the same inputs", &says, "/a", "went on"),
        ("other inputs", &says, "/b", "plugin-trap"),
        ("it asked for the time", &asks, "/a", "plugin-trap"),
        ("it does not allow it", &silent, "/a", "plugin-trap"),
    ] {
        let fixture = Fixture::new();
        let assignment = fixture.assign(guest.build(), &spec()).await;
        for (path, want) in [("/a", "went on"), (second, want)] {
            let (exchange, flow) = fixture.send(&assignment, at(path)).await;
            assert_eq!(reason(&flow), want, "{case}: {path}");
            let edited = exchange.request.headers.get("x-out").is_some();
            assert_eq!(edited, want == "went on", "{case}: {path}");
        }
        let counted = counted(&fixture, CallOutcome::Repeated);
        assert_eq!(counted, u64::from(want == "went on"), "{case}");
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

/// Knows one key, as long as it does.
struct OneKey(Mutex<Option<FoundCredential>>);

impl Directory for OneKey {
    fn cached_credential(&self, _: &str, key: &str) -> Option<Option<FoundCredential>> {
        Some(self.0.lock().unwrap().clone().filter(|_| key == "good"))
    }

    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async { Ok(None) })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test]
async fn a_caller_is_known_again_until_the_key_is_revoked() {
    let directory = Arc::new(OneKey(Mutex::new(Some(alice()))));
    let deps = HostDeps {
        directory: Arc::clone(&directory) as Arc<dyn Directory>,
        outbound: Arc::new(Nothing),
        shared: SharedState::default(),
        log_record: |_, _| {},
    };
    let fixture = Fixture::with(deps);
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
    *directory.0.lock().unwrap() = None;
    assert!(send("good").await.2, "revoked");
    assert_eq!(counted(&fixture, CallOutcome::Repeated), 2, "by a call");
}
