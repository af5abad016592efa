//! Brings the plugin of a project into its gateway, again and again.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};
use tokio::task::{AbortHandle, spawn_blocking};

use super::PluginError;
use crate::cli::output::say;
use crate::cli::plugin::admin_api::{AdminApi, AdminError};
use crate::cli::plugin::build::Project;
use crate::cli::plugin::logs;
use crate::cli::plugin::push::{Scope, Uploaded, assign, encoded, grant_all, until_live};
use crate::rehearsal;

/// The route that the plugin is on.
pub(super) const ROUTE: &str = "demo";

/// What is loaded, and how.
pub(super) struct Loader {
    project: Project,
    api: Arc<AdminApi>,
    config: Option<Value>,
    component: Bytes,
    logs: Option<AbortHandle>,
}

impl Loader {
    pub(super) fn new(project: Project, api: AdminApi, config: Option<Value>) -> Self {
        Self { project, api: Arc::new(api), config, component: Bytes::new(), logs: None }
    }

    /// Builds the plugin and loads it. What is wrong with it is printed, for the author to mend; the
    /// gateway goes on with what it had.
    pub(super) async fn load(&mut self) -> Result<(), PluginError> {
        let begun = Instant::now();
        match self.try_load().await {
            Ok(Some(what)) => {
                say(format_args!("loaded {what} in {:.1} s", begun.elapsed().as_secs_f32()))?;
            }
            Ok(None) => {}
            Err(error) => _ = say(told(&error))?,
        }
        Ok(())
    }

    /// `None` if the component is the one that is loaded.
    async fn try_load(&mut self) -> Result<Option<String>, PluginError> {
        let project = self.project.clone();
        let built = spawn_blocking(move || project.build()).await;
        let gone = |error: tokio::task::JoinError| std::io::Error::other(error);
        let path = built.map_err(gone).map_err(PluginError::system("the build broke off"))??;
        let component = Bytes::from(std::fs::read(&path).map_err(PluginError::file(&path))?);
        if component == self.component {
            return Ok(None);
        }
        let config = match &self.config {
            Some(config) => Some(config.clone()),
            None => rehearsal::first_config(&self.project.dir),
        };
        let uploaded = self.replace(component.clone()).await?;
        let grants: Map<_, _> = uploaded
            .capabilities
            .iter()
            .map(|(name, parameters)| (name.clone(), opened(parameters)))
            .collect();
        if !grants.is_empty() {
            grant_all(&self.api, &uploaded.name, grants).await?;
        }
        let scope = Scope::Below("routes", ROUTE.to_owned());
        assign(&self.api, &uploaded.name, &scope, config.as_ref()).await?;
        until_live(&self.api).await?;
        self.component = component;
        self.follow(&uploaded.name);
        Ok(Some(format!("{} {}", uploaded.name, uploaded.version)))
    }

    /// Uploads the component. Its version is there already if it was changed and not raised: then the first
    /// upload has the gateway compile it, and the old one is taken away for no longer than a moment.
    async fn replace(&self, component: Bytes) -> Result<Uploaded, AdminError> {
        let path = "/custom-plugins";
        let first = self.api.upload(path, component.clone()).await;
        let name = match first {
            Err(AdminError::Refused { ref reason, status, .. }) if status == http::StatusCode::CONFLICT => {
                name_in(reason).map(str::to_owned)
            }
            Ok(_) | Err(_) => None,
        };
        let Some(name) = name else { return first.map(|answer| Uploaded::read(&answer)) };
        for id in self.assignments(&name).await? {
            self.api.send(Method::DELETE, &format!("/plugins/{id}"), &Value::Null).await?;
        }
        self.api.send(Method::DELETE, &format!("{path}/{}", encoded(&name)), &Value::Null).await?;
        Ok(Uploaded::read(&self.api.upload(path, component).await?))
    }

    async fn assignments(&self, plugin: &str) -> Result<Vec<String>, AdminError> {
        let known = self.api.get("/plugins?size=1000").await?;
        let all = known.get("data").and_then(Value::as_array).into_iter().flatten();
        let own = all.filter(|found| found.get("name").and_then(Value::as_str) == Some(plugin));
        Ok(own.filter_map(|found| Some(found.get("id")?.as_str()?.to_owned())).collect())
    }

    /// Prints what the plugin logs, from now on.
    fn follow(&mut self, plugin: &str) {
        if self.logs.as_ref().is_none_or(AbortHandle::is_finished) {
            let (api, plugin) = (Arc::clone(&self.api), plugin.to_owned());
            let following =
                crate::task::spawn("plugin logs", async move { logs::follow(&api, &plugin).await });
            self.logs = Some(following.abort_handle());
        }
    }
}

/// Parameters of a grant; a plugin that is tried on this machine may call this machine.
fn opened(parameters: &Value) -> Value {
    let mut all = parameters.as_object().cloned().unwrap_or_default();
    all.insert("private".to_owned(), json!(true));
    all.into()
}

/// `version 0.1.0 of 'name' exists with another digest …`
fn name_in(reason: &str) -> Option<&str> {
    reason.split_once(" exists with another digest")?.0.rsplit_once(" of '")?.1.strip_suffix('\'')
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_in_the_way_is_known_from_the_refusal() {
        let reason = "version 0.1.0 of 'my-plugin' exists with another digest (ab); a version is immutable";
        assert_eq!(name_in(reason), Some("my-plugin"));
        assert_eq!(name_in("the name 'key-auth' belongs to a plugin of the gateway"), None);
    }
}
