//! Every path of the Admin API in one table: the special ones by hand, the rest from the kinds.
//!
//! A path is matched from the top, so a literal segment stands before a parameter in its place.

use std::sync::LazyLock;

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::model::{Foreign, Kind, kind, kinds};

/// What a path stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint {
    Information,
    Status,
    Robots,
    Endpoints,
    EnabledPlugins,
    PluginConfigSchema,
    PluginSchema,
    ValidatePlugin,
    EntitySchema,
    ValidateEntity,
    Declarative,
    Tags,
    Tag,
    CustomPlugins,
    CustomPlugin,
    CustomPluginVersions,
    CustomPluginVersion,
    CustomPluginPackages,
    CustomPluginLogs,
    /// `/services`
    Collection(&'static Kind),
    /// `/services/{services}`
    Entity(&'static Kind),
    /// `/routes/{routes}/service`
    Parent {
        child: &'static Kind,
        foreign: Foreign,
    },
    /// `/services/{services}/routes`
    Children {
        parent: &'static Kind,
        foreign: Foreign,
        kind: &'static Kind,
    },
    /// `/services/{services}/routes/{routes}`
    Child {
        parent: &'static Kind,
        foreign: Foreign,
        kind: &'static Kind,
    },
}

const READ: &[Method] = &[Method::GET];
const WRITE: &[Method] = &[Method::POST];
const LIST: &[Method] = &[Method::GET, Method::POST];
const ONE: &[Method] = &[Method::DELETE, Method::GET, Method::PATCH, Method::PUT];
const CHANGE: &[Method] = &[Method::DELETE, Method::GET, Method::PATCH];
const REMOVE: &[Method] = &[Method::DELETE, Method::GET];

impl Endpoint {
    /// The methods that are implemented, in alphabetical order, without HEAD and OPTIONS.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Information
            | Self::Status
            | Self::Robots
            | Self::Endpoints
            | Self::EnabledPlugins
            | Self::PluginConfigSchema
            | Self::PluginSchema
            | Self::EntitySchema
            | Self::CustomPluginVersions
            | Self::CustomPluginPackages
            | Self::CustomPluginLogs
            | Self::Tags
            | Self::Tag => READ,
            Self::ValidatePlugin | Self::ValidateEntity => WRITE,
            Self::Declarative | Self::CustomPlugins | Self::Collection(_) | Self::Children { .. } => LIST,
            Self::CustomPlugin => CHANGE,
            Self::CustomPluginVersion => REMOVE,
            Self::Entity(_) | Self::Parent { .. } | Self::Child { .. } => ONE,
        }
    }
}

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

/// What a path stands for, with its parameters decoded. A final slash does not matter.
pub(super) fn resolve(path: &str) -> Option<(Endpoint, Vec<String>)> {
    let path = path.strip_suffix('/').unwrap_or(path);
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
    let special = [
        ("/", Endpoint::Information),
        ("/config", Endpoint::Declarative),
        ("/custom-plugins", Endpoint::CustomPlugins),
        ("/custom-plugins/{custom_plugins}", Endpoint::CustomPlugin),
        ("/custom-plugins/{custom_plugins}/logs", Endpoint::CustomPluginLogs),
        ("/custom-plugins/{custom_plugins}/versions", Endpoint::CustomPluginVersions),
        ("/custom-plugins/{custom_plugins}/versions/{version}", Endpoint::CustomPluginVersion),
        ("/custom-plugins/{custom_plugins}/versions/{version}/packages", Endpoint::CustomPluginPackages),
        ("/endpoints", Endpoint::Endpoints),
        ("/plugins/enabled", Endpoint::EnabledPlugins),
        ("/plugins/schema/{name}", Endpoint::PluginConfigSchema),
        ("/robots.txt", Endpoint::Robots),
        ("/schemas/plugins/validate", Endpoint::ValidatePlugin),
        ("/schemas/plugins/{name}", Endpoint::PluginSchema),
        ("/schemas/{db_entity_name}/validate", Endpoint::ValidateEntity),
        ("/schemas/{name}", Endpoint::EntitySchema),
        ("/status", Endpoint::Status),
        ("/tags", Endpoint::Tags),
        ("/tags/{tags}", Endpoint::Tag),
    ];
    let mut lines: Vec<Line> = special
        .into_iter()
        .map(|(pattern, endpoint)| Line { pattern: pattern.to_owned(), endpoint })
        .collect();
    for kind in kinds().iter().filter(|kind| kind.generic) {
        lines.extend(of_kind(kind));
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
            ("/workspaces", None),
        ] {
            let found = resolve(path).map(|(endpoint, _)| format!("{endpoint:?}"));
            let found = found.as_deref().map(|text| text.split(['(', ' ']).next().unwrap());
            assert_eq!(found, want, "{path}");
        }
        assert_eq!(resolve("/services/a%20b").unwrap().1, ["a b"]);
    }
}
