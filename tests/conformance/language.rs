//! What the cases of one language run on: a gateway with its six plugins, and an upstream.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use gateway_tests::{Answer, Gateway, Seen, Upstream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, component, gateway, serve};

const PLUGINS: [&str; 6] =
    ["token-auth", "fixed-limit", "head-edit", "log-line", "json-field", "chunk-count"];

/// A gateway with the plugins of one language.
pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    upstream: Upstream,
    language: String,
}

impl Site {
    /// Builds and uploads the plugins.
    pub(crate) async fn start(language: &str) -> anyhow::Result<Self> {
        let site = Self {
            // Unoptimised compilers on a busy machine take long for a Go component.
            gateway: gateway().set("WEIR_PLUGIN_COMPILE_TIME", "600").start().await?,
            upstream: Upstream::start(answer).await?,
            language: language.to_owned(),
        };
        for folder in PLUGINS {
            let plugin = component(&format!("example-plugins/{language}/{folder}"))?;
            let size = plugin.len();
            let began = std::time::Instant::now();
            let answer = site.gateway.upload(plugin).await?;
            ensure!(answer.status == 201, "{folder}: {} {}", answer.status, answer.text());
            eprintln!("{language} {folder}: {size} bytes, live after {:?}", began.elapsed());
            let described = answer.json();
            assert_eq!(described["name"], site.name(folder), "{described}");
            let version = described["active_version"].as_str();
            assert_eq!(version, Some("0.1.0"), "{described}");
        }
        Ok(site)
    }

    /// What the plugin from `folder` is called. Two of Rust's are examples of other pages as well.
    pub(crate) fn name(&self, folder: &str) -> String {
        match (self.language.as_str(), folder) {
            ("rust", "json-field" | "chunk-count") => folder.to_owned(),
            (language, _) => format!("{language}-{folder}"),
        }
    }

    /// An assignment of the plugin to a route for `/case`, as the Admin API takes or refuses it.
    pub(crate) async fn assign(&self, case: &str, folder: &str, config: Value) -> anyhow::Result<Answer> {
        serve(&self.gateway, case, &self.upstream.url()).await.with_context(|| case.to_owned())?;
        let mut assignment = json!({ "name": self.name(folder), "config": config });
        if folder == "token-auth" {
            assignment["sandbox"] = json!({ "grants": { "credentials": { "kinds": [] } } });
        }
        self.gateway.admin(Method::POST, &format!("/routes/{case}/plugins"), &assignment).await
    }

    /// The same, and waits until requests with this header are answered as wanted.
    pub(crate) async fn live(
        &self,
        (case, folder): (&str, &str),
        config: Value,
        wanted: impl Fn(&Answer) -> bool,
    ) -> anyhow::Result<()> {
        let answer = self.assign(case, folder, config).await?;
        ensure!(answer.status == 201, "{case}: {} {}", answer.status, answer.text());
        self.gateway.wait_for(&format!("{case} is assigned"), PATIENCE, &format!("/{case}"), wanted).await?;
        Ok(())
    }

    /// The same, and waits until `live` says so.
    pub(crate) async fn assign_live(
        &self,
        case: &str,
        folder: &str,
        config: Value,
        live: impl AsyncFn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let answer = self.assign(case, folder, config).await?;
        ensure!(answer.status == 201, "{case}: {} {}", answer.status, answer.text());
        let live = || async { live().await.unwrap_or_default() };
        gateway_tests::eventually(&format!("{case} is assigned"), PATIENCE, live).await?;
        Ok(())
    }

    /// The newest request that the upstream saw with `x-case` of this value.
    pub(crate) fn seen(&self, case: &str) -> Option<Seen> {
        self.upstream.seen().into_iter().rev().find(|seen| text(seen, "x-case") == case)
    }
}

/// Says `upstream`, unless it was sent something: that comes back, as what the request says it is.
fn answer(seen: &Seen) -> Response<Full<Bytes>> {
    if seen.body.is_empty() {
        return Response::new(Full::new(Bytes::from_static(b"upstream")));
    }
    let mut response = Response::new(Full::new(seen.body.clone()));
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        response.headers_mut().extend(seen.headers.get(&name).map(|value| (name, value.clone())));
    }
    response
}

/// All values of a header, joined.
pub(crate) fn text(seen: &Seen, name: &str) -> String {
    let values = seen.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(",")
}
