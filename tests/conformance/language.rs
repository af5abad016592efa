//! What the cases of one language run on: a gateway with its four plugins, and an upstream.

use anyhow::{Context as _, ensure};
use gateway_tests::{Answer, Gateway, Seen, Upstream};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, component, gateway, serve};

const PLUGINS: [&str; 4] = ["token-auth", "fixed-limit", "head-edit", "log-line"];

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
            gateway: gateway().start().await?,
            upstream: Upstream::saying("upstream").await?,
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

    /// What the plugin from `folder` is called.
    pub(crate) fn name(&self, folder: &str) -> String {
        format!("{}-{folder}", self.language)
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

    /// The newest request that the upstream saw with `x-case` of this value.
    pub(crate) fn seen(&self, case: &str) -> Option<Seen> {
        self.upstream.seen().into_iter().rev().find(|seen| text(seen, "x-case") == case)
    }
}

/// All values of a header, joined.
pub(crate) fn text(seen: &Seen, name: &str) -> String {
    let values = seen.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(",")
}
