//! The log phase: queued, batched, delivered at the end.

use std::time::Duration;

use serde_json::json;

use super::guests::Guest;
use super::{Fixture, chain, exchange, spec};
use crate::plugin_host::{AssignmentSpec, CallOutcome};

const LOGS: &str = "export weir:plugin/log-phase@0.1.0;";
/// Entries of one batch, if nothing else is said.
const BATCH: usize = 32;

#[tokio::test]
async fn entries_are_delivered_in_batches() {
    let fixture = Fixture::new();
    let assignment = fixture.assign(Guest { world: LOGS, ..Guest::default() }.build(), &spec()).await;
    let chain = chain(&assignment);
    for _ in 0..40 {
        let mut run = chain.begin();
        chain.on_log(&fixture.instances, &mut run, &exchange());
    }
    fixture.host.flush_logs(Duration::from_secs(30)).await;
    let stats = fixture.host.call_stats();
    let calls: Vec<_> = stats.iter().map(|stats| (stats.phase, stats.calls[0])).collect();
    assert_eq!(calls, [("log", 2)], "32 entries, and then the other 8");
}

#[tokio::test]
async fn a_plugin_that_traps_on_every_batch_is_left_alone_and_tried_again() {
    let fixture = Fixture::new();
    let guest = Guest { world: LOGS, log: "unreachable", ..Guest::default() };
    let sandbox = json!({ "breaker": { "failures": 3, "rest_ms": 300 } });
    let assignment = fixture.assign(guest.build(), &AssignmentSpec { sandbox, ..spec() }).await;
    let chain = chain(&assignment);
    let deliver = async |batches: usize| {
        for _ in 0..batches * BATCH {
            chain.on_log(&fixture.instances, &mut chain.begin(), &exchange());
        }
        fixture.host.flush_logs(Duration::from_secs(30)).await;
        let stats = fixture.host.call_stats();
        let of = |outcome| CallOutcome::ALL.iter().position(|one| *one == outcome).unwrap();
        let [trapped, resting] = [CallOutcome::Trap, CallOutcome::Resting].map(|one| stats[0].calls[of(one)]);
        (trapped, resting)
    };
    assert_eq!(deliver(10).await, (3, 7), "seven batches did not reach it");
    let report = fixture.host.conduct();
    assert_eq!((report.listed[0].resting, report.opened["guest"]), (1, 1), "and the operator sees why");
    tokio::time::sleep(Duration::from_millis(310)).await;
    let (trapped, _) = deliver(2).await;
    assert_eq!(trapped, 4, "it is tried, and was no better");
    assert_eq!(fixture.host.instances().0, 0, "no instance is left");
}
