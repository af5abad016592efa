//! `weir plugin list`, `show`, `activate` and `delete`: the uploads of a running gateway.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::PluginError;
use super::admin_api::{AdminApi, Gateway};
use super::push::{encoded, until_live};
use crate::cli::output::say;

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The plugin.
    name: String,
    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Debug, Args)]
pub(super) struct ActivateArgs {
    /// The plugin.
    name: String,
    /// One of its versions.
    version: String,
    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The plugin.
    name: String,
    /// This version only.
    version: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

pub(super) async fn list(args: &ListArgs) -> Result<(), PluginError> {
    let answer = AdminApi::new(&args.gateway)?.get("/custom-plugins?size=1000").await?;
    let plugins = answer.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    for plugin in &plugins {
        let text = |field: &str| plugin.get(field).and_then(Value::as_str).unwrap_or("-").to_owned();
        let versions = plugin.get("versions").and_then(Value::as_array).map_or(0, Vec::len);
        say(format_args!("{:<32} active {:<12} {versions} versions", text("name"), text("active_version")))?;
    }
    if plugins.is_empty() {
        say("no plugin was uploaded to this gateway yet")?;
    }
    Ok(())
}

pub(super) async fn show(args: &ShowArgs) -> Result<(), PluginError> {
    let answer = AdminApi::new(&args.gateway)?.get(&path(&args.name)).await?;
    say(format_args!("{answer:#}"))?;
    Ok(())
}

pub(super) async fn activate(args: &ActivateArgs) -> Result<(), PluginError> {
    let api = AdminApi::new(&args.gateway)?;
    let wanted = json!({ "active_version": args.version });
    api.send(Method::PATCH, &path(&args.name), &wanted).await?;
    until_live(&api).await?;
    say(format_args!("{} {} is active and live on this node", args.name, args.version))?;
    Ok(())
}

pub(super) async fn delete(args: &DeleteArgs) -> Result<(), PluginError> {
    let api = AdminApi::new(&args.gateway)?;
    let (path, what) = match &args.version {
        Some(version) => (
            format!("{}/versions/{}", path(&args.name), encoded(version)),
            format!("{} {version}", args.name),
        ),
        None => (path(&args.name), args.name.clone()),
    };
    api.send(Method::DELETE, &path, &Value::Null).await?;
    say(format_args!("{what} is deleted"))?;
    Ok(())
}

fn path(name: &str) -> String {
    format!("/custom-plugins/{}", encoded(name))
}
