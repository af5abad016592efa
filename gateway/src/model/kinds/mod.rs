//! The kinds of entity, one file each.

mod acl;
mod admin_token;
mod balancing;
mod basicauth_credential;
mod ca_certificate;
mod certificate;
mod consumer;
mod consumer_group;
mod custom_plugin;
mod hmacauth_credential;
mod jwt_secret;
mod key;
mod key_set;
mod keyauth_credential;
mod oauth2;
mod plugin;
mod route;
mod route_expression;
mod service;
mod sni;
mod target;
mod upstream;
mod vault;
mod workspace;

pub use admin_token::{ADMIN_ROLES, admin_token_digest, new_admin_token};
pub use balancing::{
    ActiveChecks, Algorithm, HashOn, HealthChecks, HealthyRule, PassiveChecks, ProbeKind, Target,
    UnhealthyRule, Upstream,
};
pub use ca_certificate::CaCertificate;
pub use certificate::Certificate;
pub use consumer::Consumer;
pub use custom_plugin::{
    Admitted, Canary, CanaryBy, ConfigProblem, CustomPlugin, PluginVersion, Refusal, RequestedCapability,
    Rollback, held_plugin,
};
pub use plugin::{CAPABILITIES, Plugin};
pub use route::{AddressRule, PathHandling, Route};
pub use service::{Protocol, Service};
pub use sni::Sni;

use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::field::{Field, integer, string};
use super::kind::Kind;
use super::rule::Rule;

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    vec![
        workspace::kind(),
        certificate::kind(),
        sni::kind(),
        ca_certificate::kind(),
        vault::kind(),
        key_set::kind(),
        key::kind(),
        upstream::kind(),
        target::kind(),
        service::kind(),
        route::kind(EXPRESSIONS.get().copied().unwrap_or_default()),
        consumer::kind(),
        consumer_group::groups(),
        consumer_group::members(),
        custom_plugin::kind(),
        plugin::kind(),
        acl::kind(),
        basicauth_credential::kind(),
        hmacauth_credential::kind(),
        jwt_secret::kind(),
        keyauth_credential::kind(),
        oauth2::credentials(),
        oauth2::authorization_codes(),
        oauth2::tokens(),
        admin_token::kind(),
    ]
});

/// Whether routes may be expressions; settled before the first look at a kind.
static EXPRESSIONS: OnceLock<bool> = OnceLock::new();

/// Settles for the whole process whether routes may be expressions (Kong's `router_flavor`). Without a
/// word they may not. Called once, before anything else of this module.
pub fn allow_expressions(allow: bool) {
    // The first word counts: kinds may have been read since.
    _ = EXPRESSIONS.set(allow);
}

/// Every kind, in the order in which a declarative file would need them.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The kind of this name: `services`.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Names of all protocols, in Kong's order.
pub(super) const PROTOCOLS: [&str; 8] =
    ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"];

fn id() -> Field {
    string().auto().rule(Rule::Uuid)
}

fn created_at() -> Field {
    integer().auto().rule(Rule::Timestamp)
}

fn updated_at() -> Field {
    integer().auto().rule(Rule::Timestamp)
}

/// Reads Kong's form of a reference: `{"id": "…"}` or null.
fn reference<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Uuid>, D::Error> {
    #[derive(Deserialize)]
    struct Reference {
        id: Uuid,
    }
    Ok(Option::<Reference>::deserialize(source)?.map(|found| found.id))
}

/// The same, where there is always one.
fn needed<'de, D: Deserializer<'de>>(source: D) -> Result<Uuid, D::Error> {
    reference(source)?.ok_or_else(|| serde::de::Error::custom("it refers to nothing"))
}

/// Reads a field that may be null although everybody needs a value of it: null is Kong's default.
fn or<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D, default: T) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(source)?.unwrap_or(default))
}
