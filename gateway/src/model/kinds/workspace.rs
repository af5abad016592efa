//! Workspaces: there is one, `default`, and everything is in it.

use crate::model::field::{Fields, record, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::rule::Rule;

/// Names that stand for something else in a path.
const TAKEN: [&str; 17] = [
    "workspaces",
    "consumers",
    "certificates",
    "services",
    "routes",
    "snis",
    "upstreams",
    "targets",
    "plugins",
    "tags",
    "ca_certificates",
    "clustering_data_planes",
    "parameters",
    "vaults",
    "key_sets",
    "keys",
    "filter_chains",
];

pub(super) fn kind() -> Kind {
    let empty = || record(Fields::default()).optional();
    let taken = TAKEN.iter().copied().map(Into::into).collect();
    Kind::new("workspaces")
        .special()
        .endpoint_key("name")
        .field("id", id())
        .field("name", string().required().unique().rule(Rule::NotOneOf(taken)).text(formats::utf8_name))
        .field("comment", string())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("meta", empty())
        .field("config", empty())
}
