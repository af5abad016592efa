//! Upstreams: a name behind which several targets share the load.

use serde_json::{Value, json};

use crate::model::check::{Check, Then, When, names};
use crate::model::field::{
    Field, Fields, array, boolean, foreign, integer, map, number, record, string, whole_record,
};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::balancing::SLOTS;
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::record::Document;
use crate::model::rule::{Pattern, Rule};

/// What a request may be hashed by.
const HASHES: [&str; 8] = ["none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture"];
/// How a target is probed.
const PROBES: [&str; 5] = ["tcp", "http", "https", "grpc", "grpcs"];
const ALGORITHMS: [&str; 4] = ["consistent-hashing", "least-connections", "round-robin", "latency"];

pub(super) fn kind() -> Kind {
    let hash = || string().default("none").one_of(&HASHES);
    let named = || string().len_min(1);
    let kind = Kind::new("upstreams")
        .endpoint_key("name")
        .field("id", id())
        .field("created_at", created_at())
        .field("name", string().required().unique().text(formats::upstream_name))
        .field("updated_at", updated_at())
        .field("algorithm", string().default("round-robin").one_of(&ALGORITHMS))
        .field("hash_on", hash())
        .field("hash_fallback", hash())
        .field("hash_on_header", string().text(formats::header_name))
        .field("hash_fallback_header", string().text(formats::header_name))
        .field("hash_on_cookie", string().text(formats::cookie_name))
        .field("hash_on_cookie_path", path())
        .field("hash_on_query_arg", named())
        .field("hash_fallback_query_arg", named())
        .field("hash_on_uri_capture", named())
        .field("hash_fallback_uri_capture", named())
        .field("slots", integer().default(SLOTS).between(10, 65_536))
        .field("healthchecks", healthchecks())
        .field("tags", formats::tags())
        .field("host_header", string().text(formats::host_and_port))
        .field("client_certificate", foreign("certificates"))
        .field("use_srv_name", boolean().default(false))
        .shorthand("algorithm", string(), by_algorithm)
        .shorthand("hash_on", string(), by_hash);
    checks().into_iter().fold(kind, Kind::check)
}

fn path() -> Field {
    string()
        .default("/")
        .starts_with("/")
        .match_none("//", "must not have empty segments")
        .text(formats::path)
}

/// A balancer that hashes nothing forgets what it hashed by. Null and not "none", which would make it
/// round-robin in turn ([`by_hash`]).
fn by_algorithm(value: &Value) -> Document {
    let mut fields = Document::new();
    fields.insert("algorithm".to_owned(), value.clone());
    if value == "least-connections" || value == "latency" {
        fields.insert("hash_on".to_owned(), Value::Null);
    }
    fields
}

/// Who says what to hash by says how to balance.
fn by_hash(value: &Value) -> Document {
    let algorithm = match value.as_str() {
        None => None,
        Some("none") => Some("round-robin"),
        Some(_) => Some("consistent-hashing"),
    };
    let mut fields = Document::new();
    fields.insert("hash_on".to_owned(), if value.is_null() { "none".into() } else { value.clone() });
    if let Some(algorithm) = algorithm {
        fields.insert("algorithm".to_owned(), algorithm.into());
    }
    fields
}

fn healthchecks() -> Field {
    let count = || integer().default(0).between(0, 255);
    let seconds = |default: i32| number().default(default).between(0, 65_535);
    let statuses = |default: &[u16]| array(integer().between(100, 999)).default(json!(default));
    let probe = || string().default("http").one_of(&PROBES);
    let active = Fields::default()
        .with("type", probe())
        .with("timeout", seconds(1))
        .with("concurrency", integer().default(10).rule(Rule::Between(1.0, 2_147_483_648.0)))
        .with("http_path", path())
        .with("https_sni", string().text(formats::wildcard_host))
        .with("https_verify_certificate", boolean().default(true).required())
        .with("headers", map(string().text(formats::header_name), array(string())))
        .with(
            "healthy",
            whole_record(
                Fields::default()
                    .with("interval", seconds(0))
                    .with("http_statuses", statuses(&[200, 302]))
                    .with("successes", count()),
            ),
        )
        .with(
            "unhealthy",
            whole_record(
                Fields::default()
                    .with("interval", seconds(0))
                    .with("http_statuses", statuses(&[429, 404, 500, 501, 502, 503, 504, 505]))
                    .with("tcp_failures", count())
                    .with("timeouts", count())
                    .with("http_failures", count()),
            ),
        );
    let good =
        [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308];
    let passive = Fields::default()
        .with("type", probe())
        .with(
            "healthy",
            whole_record(Fields::default().with("http_statuses", statuses(&good)).with("successes", count())),
        )
        .with(
            "unhealthy",
            whole_record(
                Fields::default()
                    .with("http_statuses", statuses(&[429, 500, 503]))
                    .with("tcp_failures", count())
                    .with("timeouts", count())
                    .with("http_failures", count()),
            ),
        );
    let both = Fields::default().with("active", whole_record(active)).with("passive", whole_record(passive));
    // Kong's default of the whole leaves the threshold to its own.
    let default = whole_record(both.clone()).default;
    let mut all = record(both.with("threshold", number().default(0).between(0, 100)));
    all.default = default;
    all
}

fn checks() -> Vec<Check> {
    let is = |field: &str, value: &str| When {
        field: field.to_owned(),
        rules: vec![Rule::Match(Pattern::lua(&format!("^{value}$")))],
    };
    let needs = |field, value, then_field: &str| Check::Conditional {
        when: is(field, value),
        then_field: then_field.to_owned(),
        then: Then { required: true, rules: Vec::new() },
        err: None,
    };
    let falls_on = |value, others: &[&str]| Check::Conditional {
        when: is("hash_on", value),
        then_field: "hash_fallback".to_owned(),
        then: Then {
            required: false,
            rules: vec![Rule::OneOf(others.iter().copied().map(Value::from).collect())],
        },
        err: None,
    };
    let distinct = |one, other| Check::Distinct(names(&[one, other]));
    vec![
        needs("hash_on", "header", "hash_on_header"),
        needs("hash_fallback", "header", "hash_fallback_header"),
        needs("hash_on", "cookie", "hash_on_cookie"),
        needs("hash_fallback", "cookie", "hash_on_cookie"),
        falls_on("none", &["none"]),
        falls_on("cookie", &["none"]),
        falls_on("consumer", &["none", "ip", "header", "cookie", "path", "query_arg", "uri_capture"]),
        falls_on("ip", &["none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture"]),
        falls_on("path", &["none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture"]),
        distinct("hash_on_header", "hash_fallback_header"),
        needs("hash_on", "query_arg", "hash_on_query_arg"),
        needs("hash_fallback", "query_arg", "hash_fallback_query_arg"),
        distinct("hash_on_query_arg", "hash_fallback_query_arg"),
        needs("hash_on", "uri_capture", "hash_on_uri_capture"),
        needs("hash_fallback", "uri_capture", "hash_fallback_uri_capture"),
        distinct("hash_on_uri_capture", "hash_fallback_uri_capture"),
    ]
}
