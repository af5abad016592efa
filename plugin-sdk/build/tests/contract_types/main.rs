//! Types of the contract for JavaScript: made from `wit/plugin.wit`, and equal to the file that the SDK has.
//!
//! `UPDATE_TYPES=1 cargo test -p weir-plugin-build --test contract_types` writes it anew. They are made
//! here and not by a general tool because QuickJS's binding has ways of its own: an option is `null`,
//! and 64 bits are a number.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by a panic, in its helpers too; WIT has more kinds of types than matter here"
)]

mod typescript;

use std::path::Path;

#[test]
fn types_of_the_sdk_are_those_of_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("..");
    let path = root.join("plugin-sdk/javascript/src/contract.d.ts");
    let wanted = typescript::declarations(&root.join("wit/plugin.wit"));
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
    assert!(known == wanted, "the contract changed: run this test with UPDATE_TYPES=1");
}
