//! `weir plugin push`: builds the plugin, uploads it to a running gateway, and puts it to work.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::PluginError;
use super::admin_api::{AdminApi, AdminError, Gateway};
use super::build::Project;
use crate::cli::output::say;
use crate::cli::progress::Step;

/// How long a change may take to be live before the command gives up.
const LIVE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// The folder of the plugin, or a component.
    #[arg(default_value = ".")]
    what: PathBuf,
    #[command(flatten)]
    gateway: Gateway,
    /// Makes the version the active one, also if another is active.
    #[arg(long, conflicts_with = "no_activate")]
    activate: bool,
    /// Keeps the version that is active.
    #[arg(long)]
    no_activate: bool,
    /// Where it is to run: route=NAME, service=NAME, consumer=NAME or global. May be said several times.
    #[arg(long, value_name = "WHERE")]
    assign_to: Vec<Scope>,
    /// Configuration of the assignment.
    #[arg(long, value_name = "JSON", value_parser = json)]
    config: Option<Value>,
    /// A capability that the plugin may use, by name or with parameters: `credentials={"kinds":["jwts"]}`.
    #[arg(long = "grant", value_name = "NAME[=JSON]", value_parser = grant)]
    grants: Vec<(String, Value)>,
    /// Where cargo keeps its work.
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

/// Where an assignment runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Global,
    /// Below `routes`, `services` or `consumers`.
    Below(&'static str, String),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let below = |kind, name: &str| Ok(Self::Below(kind, name.to_owned()));
        match text.split_once('=') {
            None if text == "global" => Ok(Self::Global),
            Some(("route", name)) if !name.is_empty() => below("routes", name),
            Some(("service", name)) if !name.is_empty() => below("services", name),
            Some(("consumer", name)) if !name.is_empty() => below("consumers", name),
            None | Some(_) => Err("expected route=NAME, service=NAME, consumer=NAME or global".to_owned()),
        }
    }
}

impl Scope {
    /// The collection of its assignments.
    fn path(&self) -> String {
        match self {
            Self::Global => "/plugins".to_owned(),
            Self::Below(kind, name) => format!("/{kind}/{}/plugins", encoded(name)),
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Global => "every route".to_owned(),
            Self::Below(kind, name) => format!("{} {name}", kind.trim_end_matches('s')),
        }
    }
}

pub(super) async fn run(args: &PushArgs) -> Result<(), PluginError> {
    let api = AdminApi::new(&args.gateway)?;
    let path = if args.what.is_dir() {
        Project { dir: args.what.clone(), target_dir: args.target_dir.clone() }.build()?
    } else {
        args.what.clone()
    };
    let component = fs::read(&path).map_err(PluginError::file(&path))?;
    let size = component.len();
    let begun = Instant::now();
    let activate = args.activate || !args.no_activate;
    let uploaded = api.upload(&format!("/custom-plugins?activate={activate}"), component.into()).await;
    let uploaded = uploaded.map_err(raise_version)?;
    let plugin = Uploaded::read(&uploaded);
    say(format_args!(
        "uploaded {} {} ({size} bytes, sha256 {})",
        plugin.name, plugin.version, plugin.digest
    ))?;
    if !args.grants.is_empty() {
        let grants: Map<_, _> = args.grants.iter().cloned().collect();
        grant_all(&api, &plugin.name, grants).await?;
    }
    for scope in &args.assign_to {
        let done = assign(&api, &plugin.name, scope, args.config.as_ref()).await.map_err(ask_for_grants)?;
        say(format_args!("{done} {}", scope.says()))?;
    }
    if args.assign_to.is_empty() {
        say("it runs nowhere new: assign it with --assign-to route=NAME")?;
    }
    until_live(&api).await?;
    let active = if plugin.is_active { "active and live" } else { "kept, but not active" };
    say(format_args!("{active} on this node after {:.2} s", begun.elapsed().as_secs_f32()))?;
    Ok(())
}

/// What the gateway says of an upload.
pub(super) struct Uploaded {
    pub(super) name: String,
    pub(super) version: String,
    digest: String,
    is_active: bool,
    /// Names and parameters.
    pub(super) capabilities: Vec<(String, Value)>,
}

impl Uploaded {
    /// Reads the answer to an upload.
    pub(super) fn read(answer: &Value) -> Self {
        let text =
            |of: &Value, field: &str| of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = answer.get("capabilities").and_then(Value::as_array).into_iter().flatten();
        let own = text(answer, "version");
        Self {
            name: text(answer, "name"),
            is_active: text(answer, "active_version") == own,
            version: own,
            digest: text(answer, "digest").chars().take(16).collect(),
            capabilities: asked
                .map(|asked| (text(asked, "name"), asked.get("params").cloned().unwrap_or_default()))
                .collect(),
        }
    }
}

/// Grants capabilities to a plugin, beside those that it has.
pub(super) async fn grant_all(
    api: &AdminApi,
    plugin: &str,
    grants: Map<String, Value>,
) -> Result<(), AdminError> {
    let path = format!("/custom-plugins/{plugin}");
    let mut all = match api.get(&path).await?.get("grants").cloned() {
        Some(Value::Object(all)) => all,
        Some(_) | None => Map::new(),
    };
    all.extend(grants);
    api.send(Method::PATCH, &path, &json!({ "grants": all })).await.map(drop)
}

/// Makes an assignment, or gives the one that is there another configuration.
pub(super) async fn assign(
    api: &AdminApi,
    plugin: &str,
    scope: &Scope,
    config: Option<&Value>,
) -> Result<&'static str, AdminError> {
    let known = api.get(&format!("{}?size=1000", scope.path())).await?;
    let all = known.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let scoped = ["route", "service", "consumer"];
    let here = |found: &&Value| {
        let is_global = scoped.iter().all(|field| found.get(*field).is_none_or(Value::is_null));
        found.get("name").and_then(Value::as_str) == Some(plugin) && (*scope != Scope::Global || is_global)
    };
    let mut wanted = Map::new();
    wanted.extend(config.map(|config| ("config".to_owned(), config.clone())));
    match all.iter().find(here).and_then(|found| found.get("id")?.as_str()) {
        Some(_) if wanted.is_empty() => Ok("was assigned to"),
        Some(id) => {
            api.send(Method::PATCH, &format!("/plugins/{id}"), &wanted.into()).await?;
            Ok("has another configuration on")
        }
        None => {
            wanted.insert("name".to_owned(), plugin.into());
            api.send(Method::POST, &scope.path(), &wanted.into()).await?;
            Ok("assigned to")
        }
    }
}

/// Waits until requests see what is stored now.
pub(super) async fn until_live(api: &AdminApi) -> Result<(), AdminError> {
    let revision =
        |status: &Value, name: &str| status.pointer(&format!("/weir/{name}")).and_then(Value::as_i64);
    let wanted = revision(&api.get("/status").await?, "stored_revision");
    let _step = Step::begin("waiting until it is live");
    let begun = Instant::now();
    loop {
        let status = api.get("/status").await?;
        if revision(&status, "live_revision") >= wanted {
            return Ok(());
        }
        if begun.elapsed() > LIVE {
            let error =
                status.pointer("/weir/reload_error").and_then(Value::as_str).unwrap_or("no reason given");
            let text = format!("stored, but not live on this node after {} s: {error}", LIVE.as_secs());
            return Err(AdminError::Argument(text));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn raise_version(error: AdminError) -> AdminError {
    more(error, "a version is immutable", "raise the version of the plugin, and push again")
}

fn ask_for_grants(error: AdminError) -> AdminError {
    more(
        error,
        "capabilities that are not granted",
        "grant them with --grant NAME, or --grant 'NAME={…}' with parameters",
    )
}

/// Adds what to do to a refusal that speaks of `sign`.
fn more(error: AdminError, sign: &str, advice: &str) -> AdminError {
    match error {
        AdminError::Refused { what, status, reason } if reason.contains(sign) => {
            AdminError::Refused { what, status, reason: format!("{reason}\n{advice}") }
        }
        other @ (AdminError::Refused { .. }
        | AdminError::Argument(_)
        | AdminError::Tls(_)
        | AdminError::Unreachable { .. }) => other,
    }
}

/// A name as it stands in a path.
pub(super) fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn grant(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        None => Ok((text.to_owned(), json!({}))),
        Some((name, parameters)) => Ok((name.to_owned(), json(parameters)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_grants_are_read() {
        assert_eq!("route=a b".parse::<Scope>().unwrap().path(), "/routes/a%20b/plugins");
        assert_eq!("global".parse::<Scope>(), Ok(Scope::Global));
        assert!("route=".parse::<Scope>().is_err() && "host=x".parse::<Scope>().is_err());
        assert_eq!(grant("credentials"), Ok(("credentials".to_owned(), json!({}))));
        assert_eq!(grant(r#"a={"b":1}"#), Ok(("a".to_owned(), json!({ "b": 1 }))));
        assert!(grant("a={").is_err());
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let refused = |reason: &str| AdminError::Refused {
            what: "POST /custom-plugins".into(),
            status: http::StatusCode::CONFLICT,
            reason: reason.into(),
        };
        let text = raise_version(refused("version 1 exists; a version is immutable")).to_string();
        assert!(text.ends_with("raise the version of the plugin, and push again"), "{text}");
        assert!(raise_version(refused("else")).to_string().ends_with("else"));
    }
}
