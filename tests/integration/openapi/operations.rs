//! Every operation that is described is there: none answers 404 or 405 where its entities are.

use anyhow::{Context as _, ensure};
use gateway_tests::Gateway;
use http::Method;
use serde_json::{Value, json};

use super::description;
use super::site::{Site, furnish, join};
use crate::setup::gateway;

/// What is deleted, in an order in which nothing takes with it what comes later. Other kinds come after.
const GOING: [&str; 12] = [
    "oauth2_tokens",
    "plugins",
    "targets",
    "keys",
    "snis",
    "acls",
    "basicauth_credentials",
    "hmacauth_credentials",
    "jwt_secrets",
    "keyauth_credentials",
    "oauth2_credentials",
    "routes",
];

/// In this order what is asked for later is still there.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_that_is_described_is_there() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let document = description(&gateway).await?;
    let site = furnish(&gateway).await?;
    let mut paths: Vec<(&String, &Value)> =
        document["paths"].as_object().context("no paths")?.iter().collect();
    paths.sort_by_key(|(path, _)| (going(path), std::cmp::Reverse(path.matches('/').count())));
    let mut asked = 0;
    let mut missing = Vec::new();
    let all = METHODS.iter().flat_map(|method| paths.iter().map(move |(path, item)| (method, path, item)));
    for (method, pattern, operation) in
        all.filter_map(|(method, path, item)| Some((method, path, item.get(method)?)))
    {
        let path = filled(pattern, &site).with_context(|| format!("{pattern} has an unknown parameter"))?;
        let status = ask(&gateway, method, &path).await?;
        asked += 1;
        if [404, 405].contains(&status) {
            missing.push(format!("{method} {path}: {status}"));
        }
        let documented = operation["responses"].get(status.to_string()).is_some();
        ensure!(documented, "{method} {path} answered {status}, which is not described");
    }
    ensure!(asked > 250, "only {asked} operations");
    ensure!(missing.is_empty(), "{}", missing.join("\n"));
    Ok(())
}

/// The turn of a path when its entity is deleted; memberships come first.
fn going(path: &str) -> usize {
    let is_membership = path.contains("/consumer_groups/") && path.contains("/consumers/");
    let last = path.rsplit('/').find_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let turn = last.and_then(|name| GOING.iter().position(|known| *known == name));
    if is_membership { 0 } else { turn.map_or(GOING.len() + 1, |turn| turn + 1) }
}

async fn ask(gateway: &Gateway, method: &str, path: &str) -> anyhow::Result<u16> {
    // A membership is deleted from both ends.
    if method == "delete" && path.contains("/consumer_groups/") && path.contains("/consumers/") {
        _ = join(gateway).await;
    }
    let body = if ["get", "delete"].contains(&method) { Value::Null } else { json!({}) };
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())?;
    Ok(gateway.admin(method, path, &body).await?.status.as_u16())
}

/// The path with a value for each of its parameters.
fn filled(pattern: &str, site: &Site) -> Option<String> {
    let segments = pattern.split('/').map(|segment| {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return Some(segment);
        };
        match name {
            "name" if pattern.starts_with("/schemas/vaults") => Some("env"),
            "name" if pattern == "/schemas/{name}" => Some("services"),
            "name" => Some("key-auth"),
            _ => site.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()),
        }
    });
    Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
}
