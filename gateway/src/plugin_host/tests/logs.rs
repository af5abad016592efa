//! The log phase: queued, batched, delivered at the end.

use std::time::Duration;

use super::guests::Guest;
use super::{Fixture, chain, exchange, spec};

#[tokio::test]
async fn entries_are_delivered_in_batches() {
    let fixture = Fixture::new();
    let world = "export weir:plugin/log-phase@0.1.0;";
    let assignment = fixture.assign(Guest { world, ..Guest::default() }.build(), &spec()).await;
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
