//! Every path of the Admin API in one table: the special ones by hand, the rest from the kinds.
//!
//! A path is matched from the top, so a literal segment stands before a parameter in its place.

mod endpoint;

use std::sync::LazyLock;

use percent_encoding::percent_decode_str;

pub(super) use endpoint::Endpoint;

use crate::model::{Kind, kind, kinds};

/// The prefix of the only workspace.
const WORKSPACE: &str = "/default";

/// Paths that do not follow from the kinds.
const SPECIAL: &[(&str, Endpoint)] = &[
    ("/", Endpoint::Information),
    ("/admin-tokens", Endpoint::AdminTokens),
    ("/admin-tokens/{admin_tokens}", Endpoint::AdminToken),
    ("/audit/objects", Endpoint::AuditObjects),
    ("/audit/requests", Endpoint::AuditRequests),
    ("/cache", Endpoint::Cache),
    ("/cache/{key}", Endpoint::CacheKey),
    ("/clustering/data-planes", Endpoint::Clustering),
    ("/clustering/status", Endpoint::Clustering),
    ("/config", Endpoint::Declarative),
    ("/consumer_groups", Endpoint::ConsumerGroups),
    ("/consumer_groups/{consumer_groups}", Endpoint::ConsumerGroup),
    ("/consumer_groups/{consumer_groups}/consumers", Endpoint::Members),
    ("/consumer_groups/{consumer_groups}/consumers/{consumers}", Endpoint::Member),
    ("/consumers/{consumers}/consumer_groups", Endpoint::Memberships),
    ("/consumers/{consumers}/consumer_groups/{consumer_groups}", Endpoint::Membership),
    ("/custom-plugins", Endpoint::CustomPlugins),
    ("/custom-plugins/{custom_plugins}", Endpoint::CustomPlugin),
    ("/custom-plugins/{custom_plugins}/logs", Endpoint::CustomPluginLogs),
    ("/custom-plugins/{custom_plugins}/versions", Endpoint::CustomPluginVersions),
    ("/custom-plugins/{custom_plugins}/versions/{version}", Endpoint::CustomPluginVersion),
    ("/custom-plugins/{custom_plugins}/versions/{version}/packages", Endpoint::CustomPluginPackages),
    ("/debug/cluster/log-level/{log_level}", Endpoint::SetAllLogLevels),
    ("/debug/node/log-level", Endpoint::LogLevel),
    ("/debug/node/log-level/{log_level}", Endpoint::SetLogLevel),
    ("/endpoints", Endpoint::Endpoints),
    ("/filter-chains", Endpoint::Filters),
    ("/filter-chains/{filter_chains}", Endpoint::Filters),
    ("/filter-chains/{filter_chains}/route", Endpoint::Filters),
    ("/filter-chains/{filter_chains}/service", Endpoint::Filters),
    ("/metrics", Endpoint::Metrics),
    ("/openapi.json", Endpoint::Description),
    ("/plugins/enabled", Endpoint::EnabledPlugins),
    ("/plugins/schema/{name}", Endpoint::PluginConfigSchema),
    ("/robots.txt", Endpoint::Robots),
    ("/route-test", Endpoint::RouteTest),
    ("/routes/{routes}/filter-chains", Endpoint::Filters),
    ("/routes/{routes}/filter-chains/{filter_chains}", Endpoint::Filters),
    ("/routes/{routes}/filters/all", Endpoint::Filters),
    ("/routes/{routes}/filters/disabled", Endpoint::Filters),
    ("/routes/{routes}/filters/enabled", Endpoint::Filters),
    ("/schemas/declarative", Endpoint::DeclarativeSchema),
    ("/schemas/filters/{name}", Endpoint::FilterSchema),
    ("/schemas/plugins/validate", Endpoint::ValidatePlugin),
    ("/schemas/plugins/{name}", Endpoint::PluginSchema),
    ("/schemas/vaults/validate", Endpoint::ValidateVault),
    ("/schemas/vaults/{name}", Endpoint::VaultSchema),
    ("/schemas/{db_entity_name}/validate", Endpoint::ValidateEntity),
    ("/schemas/{name}", Endpoint::EntitySchema),
    ("/services/{services}/filter-chains", Endpoint::Filters),
    ("/services/{services}/filter-chains/{filter_chains}", Endpoint::Filters),
    ("/snis/{snis}/certificate", Endpoint::Disabled),
    ("/status", Endpoint::Status),
    ("/status/dns", Endpoint::DnsStatus),
    ("/tags", Endpoint::Tags),
    ("/tags/{tags}", Endpoint::Tag),
    ("/targets", Endpoint::Disabled),
    ("/targets/{targets}", Endpoint::Disabled),
    ("/targets/{targets}/upstream", Endpoint::Disabled),
    ("/timers", Endpoint::Timers),
    ("/upstreams/{upstreams}/health", Endpoint::UpstreamHealth),
    ("/upstreams/{upstreams}/targets", Endpoint::Targets),
    ("/upstreams/{upstreams}/targets/all", Endpoint::AllTargets),
    ("/upstreams/{upstreams}/targets/{targets}", Endpoint::Target),
    ("/upstreams/{upstreams}/targets/{targets}/healthy", Endpoint::TargetHealth),
    ("/upstreams/{upstreams}/targets/{targets}/unhealthy", Endpoint::TargetHealth),
    ("/upstreams/{upstreams}/targets/{targets}/{address}/healthy", Endpoint::TargetHealth),
    ("/upstreams/{upstreams}/targets/{targets}/{address}/unhealthy", Endpoint::TargetHealth),
    ("/workspaces", Endpoint::Workspaces),
    ("/workspaces/{workspaces}", Endpoint::Workspace),
];

/// One line of the table.
#[derive(Debug)]
struct Line {
    pattern: String,
    endpoint: Endpoint,
}

static TABLE: LazyLock<Vec<Line>> = LazyLock::new(table);

/// The patterns, sorted, as `/endpoints` prints them.
pub(super) fn patterns() -> Vec<&'static str> {
    let mut all: Vec<&str> =
        TABLE.iter().map(|line| line.pattern.as_str()).filter(|path| *path != "/robots.txt").collect();
    all.sort_by_key(|path| path.split('/').collect::<Vec<_>>());
    all
}

/// Every pattern and what it stands for.
pub(super) fn lines() -> impl Iterator<Item = (&'static str, Endpoint)> {
    TABLE.iter().map(|line| (line.pattern.as_str(), line.endpoint))
}

/// What a path stands for, with its parameters decoded. A final slash does not matter.
pub(super) fn resolve(path: &str) -> Option<(Endpoint, Vec<String>)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    // Everything is in the one workspace, so its prefix changes nothing.
    let path = path.strip_prefix(WORKSPACE).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    TABLE.iter().find_map(|line| Some((line.endpoint, fits(&line.pattern, &segments)?)))
}

fn fits(pattern: &str, segments: &[&str]) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut wanted = pattern.split('/').skip(1).filter(|segment| !segment.is_empty());
    for segment in segments {
        let wanted = wanted.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            parameters.push(percent_decode_str(segment).decode_utf8().ok()?.into_owned());
        } else if wanted != *segment {
            return None;
        }
    }
    wanted.next().is_none().then_some(parameters)
}

fn table() -> Vec<Line> {
    let mut lines: Vec<Line> = SPECIAL
        .iter()
        .map(|(pattern, endpoint)| Line { pattern: (*pattern).to_owned(), endpoint: *endpoint })
        .collect();
    for kind in kinds().iter().filter(|kind| kind.generic) {
        // What is written by hand stands in the place of what follows from the kind.
        let new = |line: &Line| !SPECIAL.iter().any(|(pattern, _)| *pattern == line.pattern);
        lines.extend(of_kind(kind).into_iter().filter(new));
    }
    lines
}

/// The paths that a kind has by itself and below those that it refers to.
fn of_kind(found: &'static Kind) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |pattern: String, endpoint: Endpoint| lines.push(Line { pattern, endpoint });
    let (path, name) = (found.path, found.name);
    line(format!("/{path}"), Endpoint::Collection(found));
    line(format!("/{path}/{{{name}}}"), Endpoint::Entity(found));
    for foreign in found.foreigns() {
        let Some(parent) = kind(foreign.target) else {
            continue;
        };
        let (foreign, nested) = (*foreign, found.nested);
        let below = format!("/{}/{{{}}}/{nested}", parent.path, parent.name);
        line(format!("/{path}/{{{name}}}/{}", foreign.field), Endpoint::Parent { child: found, foreign });
        line(below.clone(), Endpoint::Children { parent, foreign, kind: found });
        line(format!("{below}/{{{name}}}"), Endpoint::Child { parent, foreign, kind: found });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found() {
        for (path, want) in [
            ("/", Some("Information")),
            ("/services", Some("Collection")),
            ("/services/", Some("Collection")),
            ("/services/a%20b", Some("Entity")),
            ("/services/a/routes", Some("Children")),
            ("/services/a/routes/b", Some("Child")),
            ("/routes/a/service", Some("Parent")),
            ("/consumers/a/key-auth/b", Some("Child")),
            ("/key-auths", Some("Collection")),
            ("/key-auths/a/consumer", Some("Parent")),
            ("/plugins/enabled", Some("EnabledPlugins")),
            ("/plugins/x", Some("Entity")),
            ("/schemas/plugins/validate", Some("ValidatePlugin")),
            ("/schemas/routes/validate", Some("ValidateEntity")),
            ("/custom-plugins/a/versions/1.0.0", Some("CustomPluginVersion")),
            ("/services//routes", None),
            ("//", None),
            ("/keyauth_credentials", None),
            ("/services/%ff", None),
            ("/workspaces", Some("Workspaces")),
            ("/default/services/a", Some("Entity")),
            ("/defaults/services", None),
            ("/other/services", None),
            ("/upstreams/a/targets/all", Some("AllTargets")),
            ("/upstreams/a/targets/b:80/healthy", Some("TargetHealth")),
            ("/upstreams/a/targets", Some("Targets")),
            ("/snis/a/certificate", Some("Disabled")),
            ("/targets", Some("Disabled")),
            ("/certificates/a.test/snis/b", Some("Child")),
            ("/oauth2_authorization_codes", None),
        ] {
            let found = resolve(path).map(|(endpoint, _)| format!("{endpoint:?}"));
            let found = found.as_deref().map(|text| text.split(['(', ' ']).next().unwrap());
            assert_eq!(found, want, "{path}");
        }
        assert_eq!(resolve("/services/a%20b").unwrap().1, ["a b"]);
    }
}
