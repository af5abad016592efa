//! The plugins of the gateway itself, through the whole host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Fixture, Nothing, chain, exchange, reason};
use crate::exchange::{ConsumerFacts, Identity, ResponseHead};
use crate::plugin_host::{
    Answer, Assignment, AssignmentSpec, Directory, Flow, FoundCredential, HostDeps, ResponseFlow,
};
use crate::shared::SharedState;

/// Knows one key, `good`; the cache knows nothing, and `slow` is never answered.
#[derive(Default)]
struct OneKey {
    asked: Notify,
    dropped: Arc<AtomicBool>,
}

struct SaysWhenDropped(Arc<AtomicBool>);

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

pub(in crate::plugin_host) fn alice() -> FoundCredential {
    let consumer = ConsumerFacts::new(Uuid::from_u128(9), Some("alice".into()), None, "{}");
    FoundCredential { consumer: Arc::new(consumer), credential: "c1".into(), data_json: "{}".into() }
}

impl Directory for OneKey {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        None
    }

    fn find_credential<'a>(
        &'a self,
        kind: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        assert_eq!(kind, "keyauth_credentials");
        Box::pin(async move {
            let _gone = SaysWhenDropped(Arc::clone(&self.dropped));
            self.asked.notify_one();
            if key == "slow" {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            Ok((key == "good").then(alice))
        })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

pub(super) async fn bundled(fixture: &Fixture, name: &str, config: serde_json::Value) -> Arc<Assignment> {
    let plugins = fixture.host.bundled().await.unwrap();
    let plugin = plugins.iter().find(|plugin| plugin.info.name == name).expect(name);
    let spec =
        AssignmentSpec { bundled: true, ..AssignmentSpec::new(Uuid::from_u128(3), config.to_string()) };
    fixture.host.assign(plugin, &spec).await.unwrap()
}

fn with_directory() -> (Fixture, Arc<OneKey>) {
    let directory = Arc::new(OneKey::default());
    let deps = HostDeps {
        directory: Arc::clone(&directory) as Arc<dyn Directory>,
        outbound: Arc::new(Nothing),
        shared: SharedState::default(),
        log_record: |_, out| out.push_str(r#"{"record":true}"#),
    };
    (Fixture::with(deps), directory)
}

#[tokio::test]
async fn key_auth_waits_for_the_directory() {
    let (fixture, _) = with_directory();
    let chain = chain(&bundled(&fixture, "key-auth", json!({})).await);
    for (key, status) in [(Some("good"), None), (Some("bad"), Some(401)), (None, Some(401))] {
        let mut exchange = exchange();
        if let Some(key) = key {
            exchange.request.headers.insert("apikey", key.parse().unwrap());
        }
        let mut run = chain.begin();
        let (exchange, flow) = chain.on_request(&fixture.instances, &mut run, exchange).await;
        let got = match &flow {
            Flow::Respond(answer) => Some(answer.status.as_u16()),
            Flow::Continue | Flow::Collect(_) => None,
        };
        assert_eq!(got, status, "{key:?}: {flow:?}");
        let consumer = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
        let name = consumer.and_then(|consumer| consumer.username.as_deref());
        assert_eq!(name, status.is_none().then_some("alice"), "{key:?}");
    }
    assert_eq!(fixture.host.instances().0, 1, "a suspending instance stays warm too");
}

#[tokio::test]
async fn a_call_goes_on_to_its_end_when_the_client_leaves() {
    let (fixture, directory) = with_directory();
    let chain = chain(&bundled(&fixture, "key-auth", json!({})).await);
    let mut exchange = exchange();
    exchange.request.headers.insert("apikey", "slow".parse().unwrap());
    let mut run = chain.begin();
    {
        let call = chain.on_request(&fixture.instances, &mut run, exchange);
        tokio::select! {
            _ = call => panic!("the directory never answers"),
            () = directory.asked.notified() => {}
        }
    }
    while !directory.dropped.load(Ordering::Acquire) || fixture.host.instances().0 > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wait_is_bounded_by_wall_time() {
    let (fixture, _) = with_directory();
    let plugins = fixture.host.bundled().await.unwrap();
    let plugin = plugins.iter().find(|plugin| plugin.info.name == "key-auth").unwrap();
    let sandbox = json!({"limits": {"wall_ms_per_exchange": 20}});
    let spec = AssignmentSpec { bundled: true, sandbox, ..AssignmentSpec::new(Uuid::nil(), "{}") };
    let chain = chain(&fixture.host.assign(plugin, &spec).await.unwrap());
    let mut exchange = exchange();
    exchange.request.headers.insert("apikey", "slow".parse().unwrap());
    let mut run = chain.begin();
    let (_, flow) = chain.on_request(&fixture.instances, &mut run, exchange).await;
    assert_eq!(reason(&flow), "plugin-wall-time");
    assert_eq!(fixture.host.instances().0, 0, "the instance is gone");
}

#[tokio::test]
async fn rate_limiting_counts_and_refuses() {
    let fixture = Fixture::new();
    let config = json!({"hour": 2, "policy": "local", "limit_by": "ip"});
    let chain = chain(&bundled(&fixture, "rate-limiting", config).await);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let mut run = chain.begin();
        let (_, flow) = chain.on_request(&fixture.instances, &mut run, exchange()).await;
        statuses.push(match flow {
            Flow::Respond(answer) => answer.status.as_u16(),
            Flow::Continue | Flow::Collect(_) => 0,
        });
    }
    assert_eq!(statuses, [0, 0, 429]);
}

#[tokio::test]
async fn response_transformer_edits_the_response() {
    let fixture = Fixture::new();
    let config = json!({"add": {"headers": ["x-added:1"]}, "remove": {"headers": ["x-gone"]}});
    let chain = chain(&bundled(&fixture, "response-transformer", config).await);
    let mut exchange = exchange();
    let mut run = chain.begin();
    let mut head = ResponseHead {
        status: StatusCode::OK,
        headers: http::HeaderMap::new(),
        upstream_status: Some(StatusCode::OK),
    };
    head.headers.insert("x-gone", "1".parse().unwrap());
    exchange.response = Some(head);
    let (exchange, flow) = chain.on_response(&fixture.instances, &mut run, exchange).await;
    assert!(matches!(flow, ResponseFlow::Continue), "{flow:?}");
    let headers = exchange.response.unwrap().headers;
    let names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-added"]);
}

#[tokio::test]
async fn file_log_writes_the_file_that_is_configured() {
    let (fixture, _) = with_directory();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.log");
    let chain = chain(&bundled(&fixture, "file-log", json!({"path": path, "reopen": false})).await);
    for _ in 0..3 {
        chain.on_log(&fixture.instances, &mut chain.begin(), &exchange());
    }
    fixture.host.flush_logs(Duration::from_secs(30)).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "{\"record\":true}\n".repeat(3));
}

#[tokio::test]
async fn prometheus_has_consumers_told_apart() {
    let (fixture, _) = with_directory();
    for (config, is_known, name) in [
        (json!({"per_consumer": true}), true, Some("alice")),
        (json!({"per_consumer": true}), false, None),
        (json!({"per_consumer": false}), true, None),
        (json!({"per_consumer": null}), true, None),
    ] {
        let case = format!("{config}, known: {is_known}");
        let chain = chain(&bundled(&fixture, "prometheus", config).await);
        let mut exchange = exchange();
        exchange.identity = is_known.then(|| Identity {
            consumer: Some(alice().consumer),
            credential: None,
            groups: Vec::new(),
            anonymous: false,
        });
        let counted = chain.counted_consumer(&mut chain.begin(), &exchange);
        assert_eq!(counted.and_then(|consumer| consumer.username.as_deref()), name, "{case}");
        assert!(!chain.logs(), "{case}: no call is made");
    }
}

#[tokio::test]
async fn plugins_that_nothing_is_assigned_to_are_let_go_and_come_back() {
    let fixture = Fixture::new();
    let plugins = fixture.host.bundled().await.unwrap();
    let digests: Vec<_> = plugins.iter().map(|plugin| plugin.digest.clone()).collect();
    let assigned = bundled(&fixture, "key-auth", json!({})).await;
    drop(plugins);
    fixture.host.forget_unused();
    let names: Vec<_> = fixture.host.loaded().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["key-auth"], "what runs stays");
    for digest in &digests {
        fixture.host.load_bundled(digest).await.unwrap().unwrap();
    }
    assert_eq!(fixture.host.loaded().len(), digests.len());
    assert!(fixture.host.load_bundled("0000").await.is_none(), "no such plugin");
    drop(assigned);
}
