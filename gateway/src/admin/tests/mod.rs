//! The Admin API in process, over a store in memory.

mod access;
mod audit;
mod bodies;
mod custom_plugins;
mod declarative;
mod entities;
mod fuzz_tests;
mod kinds;
mod node;
mod schemas;
mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::serve::handle;
use super::state::{
    AdminSettings, AdminState, Components, Draft, Later, LocalView, NodeLinks, NodeReport, Unfit,
};
use crate::clock::Clock;
use crate::model::{Admitted, ConfigProblem, PluginVersion, Refusal};
use crate::store::{Store, StoreSettings};

/// Far ahead of the clock by which the store lets entities expire.
const NOW: u64 = 4_000_000_000;

/// Takes JSON for components: name, version and schema.
struct FakeComponents;

impl Components for FakeComponents {
    fn admit<'a>(
        &'a self,
        component: Bytes,
        signatures: &'a [String],
    ) -> Later<'a, Result<Admitted, Refusal>> {
        Box::pin(async move {
            let refusal = |reason: &str, again| Refusal {
                reason: reason.to_owned(),
                message: "not admitted".to_owned(),
                again,
            };
            let described: Value =
                serde_json::from_slice(&component).map_err(|_| refusal("not_a_component", false))?;
            if described["name"] == "busy" {
                return Err(refusal("compiler_busy", true));
            }
            let digest: String =
                Sha256::digest(&component).iter().map(|byte| format!("{byte:02x}")).collect();
            let mut admitted = admitted(&described, digest);
            admitted.version.signatures = signatures.to_vec();
            admitted.version.migrates = described["migrates"] == true;
            Ok(admitted)
        })
    }

    fn pull<'a>(&'a self, reference: &'a str) -> Later<'a, Result<Bytes, Refusal>> {
        let message = format!("{reference} is nowhere");
        Box::pin(async move { Err(Refusal { reason: "not_pulled".to_owned(), message, again: true }) })
    }

    /// `greeting` became `words`.
    fn migrate<'a>(
        &'a self,
        _: &'a PluginVersion,
        from: &'a str,
        config: &'a Value,
    ) -> Later<'a, Result<Value, String>> {
        Box::pin(async move {
            match (from, config["greeting"].as_str()) {
                (_, Some("lost")) => Err("it has no words".to_owned()),
                (from, greeting) => Ok(json!({ "words": greeting, "from": from })),
            }
        })
    }

    fn local<'a>(&'a self, _: &'a PluginVersion) -> Later<'a, Result<LocalView, String>> {
        Box::pin(async { Ok(LocalView { packages: json!(["serde"]), ..LocalView::default() }) })
    }

    fn bundled(&self) -> Vec<Admitted> {
        let schema = json!({"type": "object", "properties": {
            "key_names": {"type": "array", "items": {"type": "string"}, "default": ["apikey"]},
            "hide_credentials": {"type": "boolean", "default": false}
        }});
        let limits = json!({"type": "object", "properties": {
            "minute": {"type": ["number", "null"], "exclusiveMinimum": 0},
            "hour": {"type": ["number", "null"], "exclusiveMinimum": 0},
            "redis": {"type": "object", "properties": {"port": {"type": "integer", "default": 6379}, "host": {"type": ["string", "null"]}}}
        }, "x-checks": [{"at_least_one_of": ["minute", "hour"]}]});
        vec![
            admitted(
                &json!({"name": "key-auth", "version": "1.0.0", "schema": schema, "authenticates": true}),
                "k".into(),
            ),
            admitted(&json!({"name": "rate-limiting", "version": "1.0.0", "schema": limits}), "r".into()),
        ]
    }

    fn recent_log(&self, _: &str) -> Option<std::sync::Arc<crate::plugin_host::RecentLog>> {
        None
    }

    fn check<'a>(&'a self, draft: Draft<'a>) -> Later<'a, Result<(), Unfit>> {
        Box::pin(async move {
            let granted =
                [draft.sandbox, draft.defaults].iter().any(|part| !part["grants"]["http-client"].is_null());
            match draft.config["greeting"].as_str() {
                Some("forbidden") => {
                    let problem =
                        ConfigProblem { pointer: "/greeting".into(), message: "is not polite".into() };
                    Err(Unfit::Problems(vec![problem]))
                }
                Some("breaks") => Err(Unfit::Broke("the plugin trapped: unreachable".to_owned())),
                Some("fetch") if !granted => Err(Unfit::NotGranted(vec!["http-client".to_owned()])),
                Some(_) | None => Ok(()),
            }
        })
    }
}

fn admitted(described: &Value, digest: String) -> Admitted {
    let version = PluginVersion {
        version: described["version"].as_str().unwrap_or("1.0.0").to_owned(),
        digest,
        description: String::new(),
        config_schema: described["schema"].clone(),
        phases: vec!["request-head".to_owned()],
        capabilities: Vec::new(),
        default_priority: 1000,
        authenticates: described["authenticates"].as_bool().unwrap_or(false),
        instances: "reuse".to_owned(),
        cost: json!({"describe_us": 12}),
        imports: Vec::new(),
        migrates: false,
        producers: Value::Null,
        signatures: Vec::new(),
        created_at: 0,
    };
    Admitted { name: described["name"].as_str().unwrap_or_default().to_owned(), version }
}

/// A gateway's Admin API, and short words to speak to it.
struct Admin {
    state: AdminState,
    /// How often the node was told to look things up anew.
    forgotten: Arc<AtomicUsize>,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
    bytes: Bytes,
}

impl Admin {
    async fn new() -> Self {
        Self::with(AdminSettings::default()).await
    }

    async fn with(settings: AdminSettings) -> Self {
        let store = Store::connect(&StoreSettings::Memory).await.unwrap();
        store.migrate().await.unwrap();
        let forgotten = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&forgotten);
        let node = NodeLinks {
            report: Arc::new(|| NodeReport { live_revision: Some(7), ..NodeReport::default() }),
            metrics: Arc::new(|| "# a metric\n".to_owned()),
            route: Arc::new(|question| json!({"asked": question.target.as_str()})),
            forget: Arc::new(move || _ = counter.fetch_add(1, Ordering::Relaxed)),
            dns: Arc::new(|| json!({"stats": {"a.test|A": {"query": 2}}})),
            balancer: Arc::new(|_| None),
        };
        let clock = Clock::manual(NOW * 1000);
        let state = AdminState::new(store, Arc::new(FakeComponents), node, settings, clock).unwrap();
        Self { state, forgotten }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = handle(State(self.state.clone()), request).await;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status.as_u16(), headers: parts.headers, body, bytes }
    }

    async fn typed(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn json(&self, method: &str, path: &str, body: Value) -> Reply {
        self.typed(method, path, "application/json", body.to_string()).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path).await
    }

    async fn call(&self, method: &str, path: &str) -> Reply {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// Makes an entity and gives its id.
    async fn make(&self, path: &str, body: Value) -> String {
        let reply = self.json("POST", path, body).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }
}
