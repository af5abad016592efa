//! `/status/dns`: the look-ups of names, in the words of Kong's client.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::config::RecordKind;
use crate::dns::{NameCounts, Names};

/// The counters of each name, as `host|type`. What was never counted is left out, as in Kong.
pub(super) fn answer(names: &Names, clock: &Clock) -> Value {
    let now = Duration::from_millis(clock.unix_ms());
    let stats: Map<_, _> = names
        .counts()
        .into_iter()
        .filter(|(_, counts)| counts.queries > 0)
        .map(|(host, counts)| (format!("{host}|{}", kind(&counts)), of(&counts, now)))
        .collect();
    json!({ "worker": { "id": 0, "count": 1 }, "stats": stats })
}

fn of(counts: &NameCounts, now: Duration) -> Value {
    let mut all = Map::new();
    let known = [
        ("runs", counts.queries),
        ("query", counts.queries),
        ("query_succ", counts.found),
        ("query_fail", counts.failed),
        ("stale", counts.stale),
    ];
    all.extend(
        known
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count.into())),
    );
    if let Some(last) = counts.last {
        all.insert("query_last_time".to_owned(), now.saturating_sub(last.elapsed()).as_secs_f64().into());
    }
    Value::Object(all)
}

fn kind(counts: &NameCounts) -> &'static str {
    match counts.kind {
        Some(RecordKind::Srv) => "SRV",
        Some(RecordKind::Aaaa) => "AAAA",
        Some(RecordKind::A | RecordKind::Cname | RecordKind::Last) | None => "A",
    }
}
