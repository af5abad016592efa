//! The operations of paths that do not follow from the kinds.

use axum::http::Method;
use serde_json::{Value, json};

use super::entities::{self, Place, page_of};
use super::operation::{Body, Content, Operation, schema};
use super::{access, custom_plugins, words};
use crate::admin::paths::Endpoint;
use crate::model::{Kind, kind};

/// What a method of a path does; `None` if it can only say that it is not there.
#[expect(clippy::too_many_lines, reason = "a list of endpoints")]
pub(super) fn operation(pattern: &str, endpoint: Endpoint, method: &Method) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::Collection(kind) => entities::collection(kind, Place::Top, method),
        Endpoint::Entity(kind) => entities::entity(kind, Place::Top, method),
        Endpoint::Children { parent, kind, .. } => entities::collection(kind, Place::Below(parent), method),
        Endpoint::Child { parent, kind, .. } => entities::entity(kind, Place::Below(parent), method),
        // A parent that is referred to cannot be deleted: 405, and 404 if there is none.
        Endpoint::Parent { .. } if *method == Method::DELETE => return None,
        Endpoint::Parent { child, foreign } => {
            entities::parent(child, foreign, kind(foreign.target)?, method)
        }
        // Kong's paths that answer 404 whatever is asked.
        Endpoint::Disabled | Endpoint::FilterSchema => return None,
        Endpoint::CacheKey if *method == Method::GET => return None,
        Endpoint::Information
        | Endpoint::Status
        | Endpoint::Robots
        | Endpoint::Metrics
        | Endpoint::Endpoints
        | Endpoint::RouteTest
        | Endpoint::Description
        | Endpoint::Cache
        | Endpoint::CacheKey
        | Endpoint::LogLevel
        | Endpoint::SetLogLevel
        | Endpoint::SetAllLogLevels
        | Endpoint::Timers
        | Endpoint::DnsStatus
        | Endpoint::DeclarativeSchema
        | Endpoint::Declarative => node(endpoint, method),
        Endpoint::EnabledPlugins
        | Endpoint::PluginConfigSchema
        | Endpoint::PluginSchema
        | Endpoint::ValidatePlugin
        | Endpoint::EntitySchema
        | Endpoint::ValidateEntity
        | Endpoint::VaultSchema
        | Endpoint::ValidateVault => schemas(endpoint),
        Endpoint::AdminTokens | Endpoint::AdminToken => {
            access::tokens(endpoint, method, kind("admin_tokens")?)
        }
        Endpoint::AuditRequests | Endpoint::AuditObjects => access::records(endpoint),
        Endpoint::Tags | Endpoint::Tag => tags(endpoint, method),
        Endpoint::Workspaces => entities::collection(kind("workspaces")?, Place::Top, method),
        Endpoint::Workspace => entities::entity(kind("workspaces")?, Place::Top, method),
        Endpoint::ConsumerGroups => entities::collection(kind("consumer_groups")?, Place::Top, method),
        Endpoint::ConsumerGroup if *method == Method::GET => {
            let shown = json!({
                "type": "object",
                "required": ["consumer_group", "consumers", "plugins"],
                "properties": {
                    "consumer_group": schema("ConsumerGroup"),
                    "consumers": { "type": "array", "items": schema("Consumer") },
                    "plugins": { "type": "array", "items": schema("Plugin") },
                },
            });
            let kind = kind("consumer_groups")?;
            Operation { success: Vec::new(), ..entities::entity(kind, Place::Top, method) }
                .shows("The group and its members.", shown)
        }
        Endpoint::ConsumerGroup => entities::entity(kind("consumer_groups")?, Place::Top, method),
        Endpoint::Members | Endpoint::Member => {
            members(endpoint, method, ("consumer_group", kind("consumer_groups")?), kind("consumers")?)
        }
        Endpoint::Memberships | Endpoint::Membership => {
            members(endpoint, method, ("consumer", kind("consumers")?), kind("consumer_groups")?)
        }
        Endpoint::Targets => entities::collection(kind("targets")?, Place::Below(kind("upstreams")?), method),
        Endpoint::Target => target(method, kind("targets")?, kind("upstreams")?),
        Endpoint::AllTargets | Endpoint::UpstreamHealth | Endpoint::TargetHealth => {
            health(pattern, endpoint, kind("targets")?)
        }
        Endpoint::Clustering => {
            refused(pattern, method, NODE, "Refused: nodes share a database and know no others")
        }
        Endpoint::Filters => {
            let summary = "Refused: plugins are components, see /custom-plugins";
            refused(pattern, method, "Filter chains", summary)
        }
        Endpoint::CustomPlugins
        | Endpoint::CustomPlugin
        | Endpoint::CustomPluginVersions
        | Endpoint::CustomPluginVersion
        | Endpoint::CustomPluginPackages
        | Endpoint::CustomPluginLogs => custom_plugins::operation(endpoint, method, kind("custom_plugins")?),
    })
}

const NODE: &str = "Node";

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is sent here")]
fn node(endpoint: Endpoint, method: &Method) -> Operation {
    let new = |id: &str, summary: &str| Operation::new(id, NODE, summary);
    match endpoint {
        Endpoint::Information => new("getInformation", "What this gateway is")
            .shows("Versions, plugins, settings.", schema("Information"))
            .fails(&[503]),
        Endpoint::Status => new("getStatus", "How this node is doing")
            .query(&["unit", "scale"])
            .shows("Counters and the state of the configuration.", schema("Status"))
            .fails(&[400]),
        Endpoint::Robots => new("getRobots", "Keeps crawlers away")
            .gives(200, Content::Text("text/plain", "Disallows everything.")),
        Endpoint::Metrics => new("getMetrics", "Metrics for Prometheus")
            .gives(200, Content::Text("text/plain; charset=UTF-8", "The metrics.")),
        Endpoint::Endpoints => {
            new("listEndpoints", "Every path that there is").shows("The paths.", strings("data"))
        }
        Endpoint::RouteTest => new("testRoute", "Which route a request would take, and why no other")
            .query(&["method", "url", "scheme", "host", "port", "path", "header", "sni", "source", "others"])
            .shows("The route, where the request would go, and the others.", json!({ "type": "object" }))
            .fails(&[400]),
        Endpoint::Cache => new("purgeCache", "Look consumers and credentials up anew")
            .gives(204, Content::Nothing("Nothing is believed until it was looked up again.")),
        Endpoint::CacheKey => {
            let operation = new("purgeCacheKey", "Nothing: no value is kept under a key of Kong's");
            Operation { deprecated: true, ..operation }.gives(204, Content::Nothing("Always."))
        }
        Endpoint::LogLevel => {
            new("getLogLevel", "The level of this node's log").shows("In a sentence.", schema("Message"))
        }
        Endpoint::SetLogLevel => new("putLogLevel", "Change the level of this node's log for a while")
            .query(&["timeout"])
            .shows("Whether it changed.", schema("Message"))
            .fails(&[400]),
        Endpoint::SetAllLogLevels => {
            new("putAllLogLevels", "Change the level of all nodes' logs for a while")
                .query(&["timeout"])
                .shows("Whether it changed here.", schema("Message"))
                .fails(&[400, 503])
        }
        Endpoint::Timers => new("getTimers", "Timers of plugins: there are none")
            .shows("Kong's shape, all zero.", json!({ "type": "object", "required": ["worker", "stats"] })),
        Endpoint::DnsStatus => new("getDnsStatus", "Counters of name look-ups on this node").shows(
            "By name and type of record.",
            json!({ "type": "object", "required": ["worker", "stats"] }),
        ),
        Endpoint::Declarative => declarative(method),
        Endpoint::DeclarativeSchema => {
            new("getDeclarativeSchema", "What a declarative file may say, for editors")
                .shows("JSON Schema 2020-12.", json!({ "type": "object" }))
                .fails(&[503])
        }
        _description => new("getDescription", "This description")
            .shows("OpenAPI 3.1.", json!({ "type": "object", "required": ["openapi", "info", "paths"] })),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is sent here")]
fn schemas(endpoint: Endpoint) -> Operation {
    let new = |id: &str, summary: &str| Operation::new(id, "Schemas", summary).fails(&[503]);
    let shows = |id: &str, summary: &str| {
        new(id, summary).shows("The fields in Kong's notation.", schema("KongSchema")).fails(&[404])
    };
    let asks = |id: &str, summary: &str, body: Value| {
        new(id, summary).body(Body::Fields(body)).shows("It would be accepted.", schema("Message"))
    };
    match endpoint {
        Endpoint::EnabledPlugins => new("listEnabledPlugins", "Plugins that an assignment may name")
            .shows("Their names.", strings("enabled_plugins")),
        Endpoint::PluginConfigSchema => {
            Operation { deprecated: true, ..shows("getPluginConfigSchema", "The configuration of a plugin") }
        }
        Endpoint::PluginSchema => shows("getPluginSchema", "What an assignment of a plugin may say"),
        Endpoint::EntitySchema => shows("getEntitySchema", "The fields of a kind of entity"),
        Endpoint::VaultSchema => shows("getVaultSchema", "The configuration of a kind of vault"),
        Endpoint::ValidatePlugin => {
            asks("validatePlugin", "Would this assignment be accepted?", schema("PluginFields"))
        }
        Endpoint::ValidateVault => {
            asks("validateVault", "Would this vault be accepted?", schema("VaultFields"))
        }
        _entity => {
            let any = json!({ "type": "object" });
            asks("validateEntity", "Would this entity be accepted?", any).fails(&[404])
        }
    }
}

fn tags(endpoint: Endpoint, method: &Method) -> Operation {
    let is_one = matches!(endpoint, Endpoint::Tag);
    let all = if is_one { "Tag" } else { "Tags" };
    if *method != Method::GET {
        let id = format!("{}{all}", method.as_str().to_ascii_lowercase());
        let summary = "Refused: tags come and go with their entities";
        let operation = Operation::new(id, "Tags", summary).fails(&[400]);
        return Operation { deprecated: true, ..operation };
    }
    let row = json!({
        "type": "object",
        "required": ["tag", "entity_name", "entity_id"],
        "properties": {
            "tag": { "type": "string" },
            "entity_name": { "type": "string" },
            "entity_id": { "type": "string", "format": "uuid" },
        },
    });
    let (id, summary) = match is_one {
        true => ("listTagged", "List the entities that have a tag"),
        false => ("listTags", "List which entity has which tag"),
    };
    Operation::new(id, "Tags", summary)
        .query(&["size", "offset"])
        .shows("One row for each entity and tag.", page_of(row, "data"))
        .fails(&[503])
}

/// Members of a group, or groups of a consumer: `one` has any number of `other`.
fn members(endpoint: Endpoint, method: &Method, one: (&str, &Kind), other: &Kind) -> Operation {
    let (field, one) = one;
    let is_one = matches!(endpoint, Endpoint::Member | Endpoint::Membership);
    let (all, end) = (words::joined(other.name), words::entity(one));
    let (many, of) = (words::all(other), words::one(one));
    let each = words::entity(other);
    let new = |id: String, summary: String| Operation::new(id, words::tag(one), summary).fails(&[404, 503]);
    let both = json!({
        "type": "object",
        "required": [field, other.name],
        "properties": {
            field: schema(&end),
            other.name: { "type": "array", "items": schema(&each) },
        },
    });
    match *method {
        Method::POST => {
            let word = if field == "consumer" { "group" } else { "consumer" };
            let key = json!({ "type": "string", "minLength": 1 });
            let body = json!({
                "type": "object",
                "required": [word],
                "properties": { word: { "anyOf": [key, { "type": "array", "items": key }] } },
            });
            new(format!("add{all}To{end}"), format!("Add {many} to {of}"))
                .body(Body::Fields(body))
                .gives(201, Content::Json("Both ends.", both))
                .fails(&[405, 409])
        }
        Method::DELETE => {
            let (each, summary) = match is_one {
                true => (each, format!("Take {} from {of}", words::one(other))),
                false => (all, format!("Take all {many} from {of}")),
            };
            new(format!("remove{each}From{end}"), summary)
                .gives(204, Content::Nothing("It is gone."))
                .fails(&[405])
        }
        _ if is_one => new(format!("get{each}Of{end}"), format!("Show {} of {of}", words::one(other)))
            .shows("Both ends.", both),
        _ => new(format!("list{all}Of{end}"), format!("List {many} of {of}"))
            .query(&["size", "offset", "tags"])
            .shows("One page.", page_of(schema(&each), other.name)),
    }
}

/// PUT changes a target, and what is not there cannot be deleted.
fn target(method: &Method, targets: &Kind, upstreams: &Kind) -> Operation {
    let below = Place::Below(upstreams);
    if *method != Method::PUT {
        return entities::entity(targets, below, method);
    }
    let changed = entities::entity(targets, below, &Method::PATCH);
    let id = changed.id.replacen("update", "put", 1);
    Operation { id, ..changed }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is sent here")]
fn health(pattern: &str, endpoint: Endpoint, targets: &Kind) -> Operation {
    let new = |id: &str, summary: &str| Operation::new(id, words::tag(targets), summary).fails(&[404, 503]);
    match endpoint {
        Endpoint::AllTargets => new("listAllTargetsOfUpstream", "List all targets of an upstream by id")
            .query(&["size", "offset", "tags"])
            .shows("One page.", entities::page(targets)),
        Endpoint::TargetHealth => {
            let word = if pattern.ends_with("/unhealthy") { "Unhealthy" } else { "Healthy" };
            let (what, one) = match pattern.contains("{address}") {
                true => ("Address", "one address of a target"),
                false => ("Target", "a target"),
            };
            new(&format!("set{what}{word}"), &format!("Take {one} for {}", word.to_ascii_lowercase()))
                .gives(204, Content::Nothing("This node believes it."))
                .fails(&[400])
        }
        _upstream => new("getUpstreamHealth", "The health of an upstream's targets on this node")
            .query(&["size", "offset", "balancer_health"])
            .shows("The targets, or with `balancer_health` the upstream.", schema("UpstreamHealth")),
    }
}

/// A path that answers 400 whatever is asked, as in a Kong where the part behind it is switched off.
fn refused(pattern: &str, method: &Method, tag: &str, summary: &str) -> Operation {
    let words = pattern.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(name) => format!("By{}", words::joined(name.trim_end_matches('}'))),
        None => words::joined(segment),
    });
    let id = method.as_str().to_ascii_lowercase() + &words.collect::<String>();
    Operation { deprecated: true, ..Operation::new(id, tag, summary) }
}

fn declarative(method: &Method) -> Operation {
    let any = || json!({ "type": "object" });
    if *method != Method::POST {
        let written = json!({ "type": "object", "required": ["config"], "properties": { "config": { "type": "string" } } });
        let summary = "The configuration of a gateway without a database";
        return Operation::new("getConfiguration", NODE, summary)
            .shows("As a declarative file.", written)
            .fails(&[503]);
    }
    let typed = vec![
        ("application/json", any()),
        ("application/x-www-form-urlencoded", schema("Form")),
        ("multipart/form-data", schema("Form")),
        ("text/yaml", json!({ "type": "string" })),
    ];
    Operation::new("putConfiguration", NODE, "Replace the configuration of a gateway without a database")
        .query(&["check_hash", "flatten_errors"])
        .body(Body::Typed(typed))
        .gives(201, Content::Json("Every entity of it, by kind and id.", any()))
        .gives(304, Content::Nothing("It is the configuration that is there already."))
        .fails(&[503])
}

/// An object with a list of texts.
fn strings(name: &str) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": { name: { "type": "array", "items": { "type": "string" } } },
    })
}
