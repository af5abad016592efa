//! The hostile suite: guests that try what no plugin should, each in a file of `guests/`, each with the bound that it
//! must meet. Of every attack is checked: its end, the failure policy, the metric, time, memory of the process, that a
//! neighbour on another thread is served all the while, and that every slot of the engine's pool is given back.

mod arena;
mod bytes;
mod cases;
mod guest;
mod isolation;
mod schema;

use std::collections::BTreeSet;

use arena::Arena;
use cases::{CASES, Ends};

/// All attacks of one kind, one after the other on one host.
async fn all(kind: &str) -> Arena {
    let mut arena = Arena::open().await;
    for case in CASES.iter().filter(|(name, ..)| name.split('/').next() == Some(kind)) {
        arena.judge(case).await;
    }
    arena.close();
    arena
}

#[tokio::test]
async fn attacks_on_time_end_at_their_limit() {
    all("time").await;
}

#[tokio::test]
async fn attacks_on_memory_and_stack_end_at_their_limit() {
    all("memory").await;
}

#[tokio::test]
async fn values_that_lie_are_not_believed() {
    all("values").await;
}

#[tokio::test]
async fn handles_are_of_use_to_their_owner_only() {
    all("handles").await;
}

#[tokio::test]
async fn a_life_cycle_out_of_order_ends_the_instance() {
    all("life").await;
}

#[tokio::test]
async fn answers_cannot_split_or_redirect_a_message() {
    all("answers").await;
}

#[tokio::test]
async fn a_body_costs_no_more_than_its_head_would() {
    all("bodies").await;
}

#[tokio::test]
async fn an_answer_is_as_safe_as_a_request() {
    all("responses").await;
}

#[tokio::test]
async fn noise_is_bounded() {
    let arena = all("noise").await;
    // `MAX_SERIES` of the metrics of one plugin: five calls made 4500 labels.
    assert_eq!(arena.fixture.host.plugin_series().len(), 1000, "series of one plugin");
}

#[test]
fn every_guest_has_a_case_and_every_case_a_guest() {
    let mut guests = BTreeSet::new();
    for kind in std::fs::read_dir(guest::folder()).unwrap().flatten() {
        for file in std::fs::read_dir(kind.path()).unwrap().flatten() {
            let [kind, file] = [kind.file_name(), file.file_name()].map(|name| name.into_string().unwrap());
            guests.insert(format!("{kind}/{}", file.strip_suffix(".wat").expect("only guests are here")));
        }
    }
    let cases: BTreeSet<_> = CASES.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(cases.len(), CASES.len(), "no case stands twice");
    assert_eq!(guests, cases, "guests and cases are the same");
    // Every kind is one that a test above runs.
    let run = include_str!("mod.rs");
    for case in &cases {
        let kind = case.split('/').next().unwrap();
        assert!(run.contains(&format!("all(\"{kind}\")")), "no test runs the attacks on {kind}");
    }
}
