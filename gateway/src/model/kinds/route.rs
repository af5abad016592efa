//! Routes: which requests go to which service.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use super::{Protocol, reference, route_expression};
use crate::model::check::{Check, Then, When, names};
use crate::model::field::{Field, Fields, array, boolean, foreign, integer, map, record, set, string};
use crate::model::formats;
use crate::model::kind::{Kind, Variant, Variants};
use crate::model::kinds::{PROTOCOLS, created_at, id, or, updated_at};
use crate::model::record::Document;
use crate::model::rule::{Rule, ip_or_cidr};

/// Which requests go to which service, and how the request changes on the way.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Route {
    pub id: Uuid,
    pub name: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub service: Option<Uuid>,
    pub protocols: Vec<Protocol>,
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    pub snis: Option<Vec<String>>,
    #[serde(default)]
    pub sources: Option<Vec<AddressRule>>,
    #[serde(default)]
    pub destinations: Option<Vec<AddressRule>>,
    /// In place of all attributes above but the protocols.
    #[serde(default)]
    pub expression: Option<String>,
    /// Of the expression; the higher wins.
    #[serde(default, deserialize_with = "expression_priority")]
    pub priority: u64,
    #[serde(deserialize_with = "priority")]
    pub regex_priority: i64,
    pub strip_path: bool,
    pub preserve_host: bool,
    pub https_redirect_status_code: u16,
    #[serde(deserialize_with = "handling")]
    pub path_handling: PathHandling,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// Addresses that a route asks for: both parts must fit where both are given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AddressRule {
    /// An address or a range.
    #[serde(default)]
    pub ip: Option<String>,
    /// A port.
    #[serde(default)]
    pub port: Option<u16>,
}

/// Kong's two ways of joining a service path and a request path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are Kong's")]
pub enum PathHandling {
    V0,
    V1,
}

impl Route {
    /// Whether plain requests are sent to TLS by it.
    pub fn is_for_tls_only(&self) -> bool {
        self.protocols.contains(&Protocol::Https) && !self.protocols.contains(&Protocol::Http)
    }

    /// Whether it is for streams. Protocols of streams and of HTTP never stand together.
    pub fn is_stream(&self) -> bool {
        self.protocols.iter().any(|protocol| protocol.is_stream())
    }
}

fn priority<'de, D: Deserializer<'de>>(source: D) -> Result<i64, D::Error> {
    or(source, 0)
}

fn expression_priority<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    or(source, 0)
}

fn handling<'de, D: Deserializer<'de>>(source: D) -> Result<PathHandling, D::Error> {
    or(source, PathHandling::V0)
}

/// The kind; with `expressions` as in Kong's flavour of that name.
pub(super) fn kind(expressions: bool) -> Kind {
    let kind = attributes(expressions);
    if expressions { route_expression::extend(kind) } else { kind }
}

fn attributes(expressions: bool) -> Kind {
    let groups = vec![
        vec!["http", "https"],
        vec!["tcp", "tls", "udp"],
        vec!["tls_passthrough"],
        vec!["grpc", "grpcs"],
    ];
    let protocols = set(string().one_of(&PROTOCOLS)).default(vec!["http", "https"]).required();
    Kind::new("routes")
        .endpoint_key("name")
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("name", formats::name())
        .field("protocols", protocols.len_min(1).rule(Rule::Exclusive(groups)))
        .field(
            "https_redirect_status_code",
            integer().default(426).required().one_of(&[426, 301, 302, 307, 308]),
        )
        .field("strip_path", boolean().default(true).required())
        .field("preserve_host", boolean().default(false).required())
        .field("request_buffering", boolean().default(true).required())
        .field("response_buffering", boolean().default(true).required())
        .field("tags", formats::tags())
        .field("service", foreign("services"))
        .field("snis", set(string().text(formats::wildcard_host)))
        .field("sources", set(endpoint()))
        .field("destinations", set(endpoint()))
        .field("methods", set(string().matches("^%u+$")))
        .field("hosts", array(host()))
        .field("paths", array(path()))
        .field("headers", map(header(), array(string())))
        .field("regex_priority", integer().default(0))
        .field("path_handling", string().default("v0").one_of(&["v0", "v1"]))
        .check(snis_only_with_tls())
        .variants(Variants::Own {
            select: group,
            table: vec![("http", http(expressions)), ("tcp", tcp(expressions)), ("grpc", grpc(expressions))],
        })
}

fn endpoint() -> Field {
    let fields = Fields::default()
        .with("ip", string().text(ip_or_cidr))
        .with("port", integer().between(0, 65_535))
        .check(Check::AtLeastOneOf(names(&["ip", "port"])));
    record(fields).optional()
}

fn host() -> Field {
    string()
        .match_all("^[^*]*%*?[^*]*$", "invalid wildcard: must have at most one wildcard")
        .match_any(
            &["^%*%.", "%.%*$", "^[^*]*$"],
            "invalid wildcard: must be placed at leftmost or rightmost label",
        )
        .text(formats::route_host)
}

fn path() -> Field {
    string()
        .match_none("//", "must not have empty segments")
        .match_any(&["^/", "^~/"], "should start with: / (fixed path) or ~/ (regex path)")
        .text(formats::route_path)
}

fn header() -> Field {
    string()
        .match_none(
            "^[Hh][Oo][Ss][Tt]$",
            "cannot contain 'host' header, which must be specified in the 'hosts' attribute",
        )
        .text(formats::header_name)
}

fn snis_only_with_tls() -> Check {
    let plain = ["grpcs", "https", "tls", "tls_passthrough"].map(Value::from).to_vec();
    Check::Conditional {
        when: When {
            field: "protocols".to_owned(),
            rules: vec![Rule::Elements(vec![Rule::NotOneOf(plain)])],
        },
        then_field: "snis".to_owned(),
        then: Then { required: false, rules: vec![Rule::LenEq(0)] },
        err: Some(
            "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
                .to_owned(),
        ),
    }
}

/// The group of the first protocol chooses the rules.
fn group(entity: &Document) -> Option<&'static str> {
    let Some(list) = entity.get("protocols").and_then(Value::as_array) else {
        return Some("http");
    };
    list.iter().filter_map(Value::as_str).find_map(|protocol| match protocol {
        "http" | "https" => Some("http"),
        "tcp" | "tls" | "udp" | "tls_passthrough" => Some("tcp"),
        "grpc" | "grpcs" => Some("grpc"),
        _ => None,
    })
}

/// A field that this group may not set.
fn never(field: Field, name: &str, protocols: &str) -> Field {
    let mut field = field.rule(Rule::Eq(Value::Null));
    field.err = Some(format!("cannot set '{name}' when 'protocols' is {protocols}"));
    field
}

/// Sources and destinations, which only the flavour `expressions` allows for requests.
fn no_addresses(by: &str, expressions: bool) -> Vec<(&'static str, Field)> {
    if expressions {
        return Vec::new();
    }
    ["sources", "destinations"].map(|name| (name, never(set(endpoint()), name, by))).to_vec()
}

/// One of these must be set; an expression will do where there are some.
fn one_of(list: &[&str], expressions: bool) -> Vec<String> {
    let mut list = names(list);
    if expressions {
        list.push("expression".to_owned());
    }
    list
}

/// `with` needs one of the names, the other protocols of the group need one of the others.
fn needs(protocol: &'static str, with: (Vec<String>, &str), without: Option<(Vec<String>, &str)>) -> Check {
    let rules = vec![Rule::Contains(protocol.into())];
    Check::ConditionalAtLeastOneOf {
        when: When { field: "protocols".to_owned(), rules },
        then: with.0,
        err: Some(with.1.to_owned()),
        otherwise: without.map(|(list, err)| (list, err.to_owned())),
    }
}

fn http(expressions: bool) -> Variant {
    Variant {
        fields: no_addresses("'http' or 'https'", expressions),
        checks: vec![needs(
            "https",
            (
                one_of(&["methods", "hosts", "headers", "paths", "snis"], expressions),
                "must set one of %s when 'protocols' is 'https'",
            ),
            Some((
                one_of(&["methods", "hosts", "headers", "paths"], expressions),
                "must set one of %s when 'protocols' is 'http'",
            )),
        )],
    }
}

fn tcp(expressions: bool) -> Variant {
    let by = "'tcp', 'tls', 'tls_passthrough' or 'udp'";
    Variant {
        fields: vec![
            ("methods", never(set(string().matches("^%u+$")), "methods", by)),
            ("hosts", never(array(host()), "hosts", by)),
            ("paths", never(array(path()), "paths", by)),
            ("headers", never(map(header(), array(string())), "headers", by)),
        ],
        checks: vec![needs(
            "tls_passthrough",
            (one_of(&["snis"], expressions), "must set snis when 'protocols' is 'tls_passthrough'"),
            Some((
                one_of(&["sources", "destinations", "snis"], expressions),
                "must set one of %s when 'protocols' is 'tcp', 'tls' or 'udp'",
            )),
        )],
    }
}

fn grpc(expressions: bool) -> Variant {
    let by = "'grpc' or 'grpcs'";
    let mut strip_path = boolean().default(false).required().rule(Rule::Ne(true.into()));
    strip_path.err = Some(format!("cannot set 'strip_path' when 'protocols' is {by}"));
    let mut fields =
        vec![("strip_path", strip_path), ("methods", never(set(string().matches("^%u+$")), "methods", by))];
    fields.extend(no_addresses(by, expressions));
    Variant {
        fields,
        checks: vec![needs(
            "grpcs",
            (
                one_of(&["hosts", "headers", "paths", "snis"], expressions),
                "must set one of %s when 'protocols' is 'grpcs'",
            ),
            Some((
                one_of(&["hosts", "headers", "paths"], expressions),
                "must set one of %s when 'protocols' is 'grpc'",
            )),
        )],
    }
}
