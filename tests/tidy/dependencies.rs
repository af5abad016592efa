//! The bans of `deny.toml`, checked against `Cargo.lock`: true without `cargo-deny`, which most
//! machines do not have.

use crate::source::{assert_none, read};

/// Names between quotes behind `name =`, below `[bans]`.
fn banned(deny: &str) -> Vec<&str> {
    let bans = deny.split_once("\n[bans]").map_or("", |(_, rest)| rest);
    let bans = bans.split_once("\n[").map_or(bans, |(section, _)| section);
    bans.lines().filter_map(|line| line.split_once("name = \"")?.1.split('"').next()).collect()
}

#[test]
fn no_banned_crate_is_locked() {
    let deny = read("deny.toml");
    let banned = banned(&deny);
    assert!(banned.len() >= 9, "the bans are read: {banned:?}");
    let lock = read("Cargo.lock");
    let locked = |name: &&&str| lock.contains(&format!("\nname = \"{name}\"\n"));
    assert_none(
        "banned crates in Cargo.lock",
        banned.iter().filter(locked).map(ToString::to_string).collect(),
    );
}

#[test]
fn one_version_of_each_crate_that_holds_state() {
    // Two runtimes, two TLS stacks or two engines in one process would each work with half of it.
    let lock = read("Cargo.lock");
    let single =
        ["tokio", "hyper", "http", "rustls", "wasmtime", "sqlx", "tracing-core", "serde", "aws-lc-rs"];
    let many = single.into_iter().filter(|name| lock.matches(&format!("\nname = \"{name}\"\n")).count() != 1);
    assert_none("crates that are locked twice, or not at all", many.map(str::to_owned).collect());
}
