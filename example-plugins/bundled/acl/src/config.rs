//! Kong's configuration fields of `acl`.

use std::collections::BTreeSet;

use serde::Deserialize;
use weir_plugin_sdk::{JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend(
    "x-forbidden-scopes" = ["consumer"],
    "x-checks" = serde_json::json!([
        {"only_one_of": ["allow", "deny"]},
        {"at_least_one_of": ["allow", "deny"]},
    ])
))]
pub struct Config {
    /// Groups whose members are let in. Nobody else is.
    pub allow: Option<Vec<String>>,
    /// Groups whose members are kept out. Everybody else is let in whose groups can be known.
    pub deny: Option<Vec<String>>,
    /// Do not tell the upstream the groups of the caller.
    pub hide_groups_header: bool,
    /// Tell the upstream groups that the authentication plugin named as such, though there is a consumer too.
    pub always_use_authenticated_groups: bool,
}

/// What the listed groups are for.
#[derive(Debug, Clone)]
pub(crate) enum List {
    Allow(BTreeSet<String>),
    Deny(BTreeSet<String>),
}

impl List {
    /// A list to deny by counts if anything is in it.
    pub(crate) fn of(config: Config) -> Self {
        match config.deny.filter(|denied| !denied.is_empty()) {
            Some(denied) => Self::Deny(denied.into_iter().collect()),
            None => Self::Allow(config.allow.unwrap_or_default().into_iter().collect()),
        }
    }

    /// Whether a caller in these groups is let in.
    pub(crate) fn admits(&self, groups: &[String]) -> bool {
        let any_of = |listed: &BTreeSet<String>| groups.iter().any(|group| listed.contains(group));
        match self {
            Self::Allow(listed) => any_of(listed),
            Self::Deny(listed) => !any_of(listed),
        }
    }

    pub(crate) fn is_to_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}
