//! Vaults: where values stand that a configuration only refers to.

use crate::model::field::{Fields, number, record, string};
use crate::model::formats;
use crate::model::kind::{Kind, Variant, Variants};
use crate::model::kinds::{created_at, id, updated_at};
use crate::model::rule::Rule;

pub(super) fn kind() -> Kind {
    let mut config = record(Fields::default());
    config.open = true;
    let prefix = string().required().unique().noted("unique_across_ws").matches("^[a-z][a-z%d-]-[a-z%d]+$");
    Kind::new("vaults")
        .endpoint_key("prefix")
        .field("id", id())
        .field("prefix", prefix.rule(Rule::NotOneOf(vec!["env".into(), "file".into()])))
        .field("name", string().required())
        .field("description", string())
        .field("config", config)
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("tags", formats::tags())
        .variants(Variants::Named {
            unknown: "vault '%s' is not installed",
            table: vec![("env", env()), ("file", file())],
        })
}

/// Files below the folders that the operator allows. Kong has none; the times are those of its paid vaults.
fn file() -> Variant {
    let seconds = || number().rule(Rule::AtLeast(0.0));
    let fields = Fields::default()
        .with("prefix", string())
        .with("ttl", seconds())
        .with("neg_ttl", seconds())
        .with("resurrect_ttl", seconds());
    Variant { fields: vec![("config", record(fields))], checks: Vec::new() }
}

/// Variables of the process's environment.
fn env() -> Variant {
    let fields = Fields::default().with("prefix", string().matches("^[%a_-][%a%d_-]*$"));
    Variant { fields: vec![("config", record(fields))], checks: Vec::new() }
}
