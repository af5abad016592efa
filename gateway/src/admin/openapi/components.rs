//! What operations share: schemas, parameters and failures.

use serde_json::{Map, Value, json};

use super::{entities, words};
use crate::model::{Direction, kinds};

/// Statuses of requests that were not done, and when they occur.
pub(super) const FAILURES: [(u16, &str); 13] = [
    (400, "What was sent is not acceptable; `fields` says where and why."),
    (401, "Who calls has not said who it is, or not the truth."),
    (403, "The caller may not do this, or calls from another site."),
    (404, "There is no such entity."),
    (405, "Nothing can be written: the gateway runs without a database."),
    (408, "The body did not arrive in time."),
    (409, "Another entity has a value that must be unique, or changed the entity meanwhile."),
    (413, "The body is too large."),
    (415, "The body is of a type that is not read here."),
    (421, "The Host is none of those that this gateway is called by."),
    (429, "Too many others do the same at this moment, or this caller failed too often."),
    (501, "Not implemented."),
    (503, "The database, or the compiler of plugins, cannot be reached now. Try again later."),
];

pub(super) fn components() -> Value {
    let failures: Map<String, Value> = FAILURES
        .iter()
        .map(|(status, when)| {
            let content = json!({ "application/json": { "schema": super::operation::schema("Error") } });
            (status.to_string(), json!({ "description": when, "content": content }))
        })
        .collect();
    json!({ "schemas": schemas(), "parameters": parameters(), "responses": failures })
}

fn schemas() -> Map<String, Value> {
    let mut out = Map::new();
    for kind in kinds() {
        out.insert(words::entity(kind), kind.json_schema(Direction::Shown));
        out.insert(entities::fields_name(kind), kind.json_schema(Direction::Sent));
    }
    let fixed = [
        ("Error", error()),
        (
            "Message",
            json!({ "type": "object", "required": ["message"],
            "properties": { "message": { "type": "string" } } }),
        ),
        ("Form", form()),
        ("KongSchema", kong_schema()),
        ("Information", information()),
        ("Status", status()),
        ("UpstreamHealth", upstream_health()),
        ("PluginVersion", plugin_version()),
    ];
    out.extend(fixed.map(|(name, schema)| (name.to_owned(), schema)));
    out
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "Kong's error. A failure without a number has the message alone.",
        "required": ["message"],
        "properties": {
            "message": { "type": "string" },
            "code": { "type": "integer", "minimum": 1, "maximum": 19,
                "description": "Kong's number of the error: 2 is a schema violation, 5 a value that must be unique." },
            "name": { "type": "string", "description": "The name that goes with the code." },
            "fields": { "type": ["object", "array"],
                "description": "Mirrors what was sent, with a text at each place that is wrong; `@entity` lists \
                    what is wrong with the whole." },
            "options": { "type": "object", "description": "The same for arguments of the query." },
            "reason": { "type": "string", "description": "Why a component was refused, for programs." },
            "assignments": { "type": "array", "items": { "type": "object" },
                "description": "Assignments that a new version of their plugin would break." },
        },
    })
}

fn form() -> Value {
    json!({
        "type": "object",
        "description": "The same fields as texts. A dot leads into a record (`config.minute=5`), brackets \
            into a list (`paths[]=/a`, `paths[1]=/a`) or a map (`headers[x-a]=1`); a name that is repeated \
            makes a list. An empty text is null.",
        "additionalProperties": { "type": "string" },
    })
}

fn kong_schema() -> Value {
    json!({
        "type": "object",
        "required": ["fields"],
        "properties": {
            "fields": { "type": "array", "description": "One object a field, with one key: its name.",
                "items": { "type": "object", "minProperties": 1, "maxProperties": 1 } },
            "entity_checks": { "type": "array", "items": { "type": "object" } },
            "shorthand_fields": { "type": "array", "items": { "type": "object" } },
        },
    })
}

fn information() -> Value {
    json!({
        "type": "object",
        "required": ["tagline", "version", "hostname", "node_id", "plugins", "configuration", "weir"],
        "properties": {
            "tagline": { "type": "string" },
            "version": { "type": "string", "description": "The version of Kong that clients may take this for." },
            "weir": { "type": "object", "required": ["version"], "properties": { "version": { "type": "string" } } },
            "hostname": { "type": "string" },
            "node_id": { "type": "string", "format": "uuid" },
            "plugins": { "type": "object", "required": ["available_on_server", "enabled_in_cluster"],
                "properties": {
                    "available_on_server": { "type": "object" },
                    "enabled_in_cluster": { "type": "array", "items": { "type": "string" } },
                } },
            "configuration": { "type": "object" },
            "pids": { "type": "object" },
            "timers": { "type": "object" },
        },
    })
}

fn status() -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    let server = [
        "connections_accepted",
        "connections_active",
        "connections_handled",
        "connections_reading",
        "connections_waiting",
        "connections_writing",
        "total_requests",
    ];
    let counters: Map<String, Value> = server.iter().map(|name| ((*name).to_owned(), count())).collect();
    json!({
        "type": "object",
        "required": ["memory", "server", "weir"],
        "properties": {
            "memory": { "type": "object", "required": ["lua_shared_dicts", "workers_lua_vms"] },
            "server": { "type": "object", "required": server, "properties": counters },
            "database": { "type": "object", "required": ["reachable"],
                "properties": { "reachable": { "type": "boolean" } } },
            "weir": { "type": "object" },
        },
    })
}

fn upstream_health() -> Value {
    json!({
        "type": "object",
        "required": ["data", "node_id"],
        "properties": {
            "data": { "type": ["array", "object"] },
            "next": { "type": ["string", "null"] },
            "node_id": { "type": "string", "format": "uuid" },
        },
    })
}

fn plugin_version() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["version", "digest", "config_schema", "phases", "capabilities", "default_priority"],
        "properties": {
            "version": text(),
            "digest": { "type": "string", "description": "SHA-256 of the component, in hex." },
            "description": text(),
            "config_schema": { "description": "JSON Schema of its configuration." },
            "phases": { "type": "array", "items": text() },
            "capabilities": { "type": "array", "items": { "type": "object" } },
            "default_priority": { "type": "integer" },
            "created_at": { "type": "integer" },
        },
    })
}

fn parameters() -> Value {
    let query = |name: &str, what: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": what, "schema": schema });
    let flag = || json!({ "type": "boolean" });
    json!({
        "size": query("size", "Entities of one page.",
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 })),
        "offset": query("offset", "Where the page begins: `offset` of the page before.", json!({ "type": "string" })),
        "tags": query("tags", "`a,b`: entities with all of these tags; `a/b`: with any of them. At most five.",
            json!({ "type": "string", "minLength": 1 })),
        "custom_id": query("custom_id", "The one consumer with this id of the operator's own.",
            json!({ "type": "string", "minLength": 1 })),
        "unit": query("unit", "Unit of the memory figures.", json!({ "enum": ["b", "k", "m", "g", "B", "K", "M", "G"], "default": "m" })),
        "scale": query("scale", "Digits behind the point of the memory figures.",
            json!({ "type": "integer", "minimum": 0, "maximum": 99, "default": 2 })),
        "balancer_health": query("balancer_health", "`1` for the upstream as a whole.", json!({ "type": "string" })),
        "dry_run": query("dry_run", "Say what would happen, and write nothing.", flag()),
        "activate": query("activate", "Make the version the active one.", json!({ "type": "boolean", "default": true })),
        "timeout": query("timeout", "Seconds until the configured level is back; 0 is never.",
            json!({ "type": "number", "minimum": 0, "default": 60 })),
        "method": query("method", "The method; GET if there is none.", json!({ "type": "string" })),
        "url": query("url", "The URL, in place of `scheme`, `host`, `port` and `path`.", json!({ "type": "string" })),
        "scheme": query("scheme", "What it is sent by.", json!({ "enum": ["http", "https", "grpc", "grpcs"], "default": "http" })),
        "host": query("host", "The host that it names, with a port or without.", json!({ "type": "string" })),
        "port": query("port", "The port of the listener.", json!({ "type": "integer", "minimum": 0, "maximum": 65535 })),
        "path": query("path", "Path and query.", json!({ "type": "string", "pattern": "^/", "default": "/" })),
        "header": query("header", "`Name: value`, once for each header.", json!({ "type": "string" })),
        "sni": query("sni", "The server name of TLS.", json!({ "type": "string" })),
        "source": query("source", "The address that it comes from.", json!({ "type": "string" })),
        "others": query("size", "Other routes to tell of.",
            json!({ "type": "integer", "minimum": 0, "default": 20 })),
        "check_hash": query("check_hash", "Nothing is done if the text is the one that is there.", json!({ "enum": ["1", "0"] })),
        "flatten_errors": query("flatten_errors", "Tell faults as a list, entity by entity.", json!({ "enum": ["1", "0"] })),
        "follow": query("follow", "Go on until the reader leaves.", flag()),
    })
}

/// The parameters that a path names, in their order.
pub(super) fn of_path(pattern: &str) -> Vec<Value> {
    let names = pattern.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true, "description": described(name),
                "schema": { "type": "string", "minLength": 1 },
            })
        })
        .collect()
}

fn described(name: &str) -> String {
    match kinds().iter().find(|kind| kind.name == name) {
        Some(kind) => match kind.endpoint_key.filter(|key| *key != "id") {
            Some(key) => format!("Id or {key} of {}.", words::one(kind)),
            None => format!("Id of {}.", words::one(kind)),
        },
        None => match name {
            "tags" => "A tag.",
            "address" => "Address and port.",
            "version" => "A version of the plugin.",
            "db_entity_name" => "Name of a kind of entity: `services`.",
            "log_level" => "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`.",
            "key" => "A key of the cache.",
            "name" => "A name.",
            _ => "An id.",
        }
        .to_owned(),
    }
}
