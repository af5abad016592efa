//! Counters in the database of the gateway.

use super::window::unix_ms;
use super::{Ask, SharedError, Taken};
use crate::store::{SharedCounter, Store};

/// Counts in a window. The one before is over, so that it is read on its own.
pub(super) async fn take(store: &Store, ask: &Ask) -> Result<Taken, SharedError> {
    let weighted = match &ask.before {
        Some((before, share)) => weigh(store.shared_count(before).await?, *share),
        None => 0,
    };
    let room = whole(ask.limit).saturating_sub(weighted);
    let ends = unix_ms().saturating_add(whole(ask.life_ms));
    let (allowed, count) = store.count_shared(&ask.this, (whole(ask.cost), room), ends).await?;
    Ok(ask.answer(allowed, u64::try_from(count.saturating_add(weighted)).unwrap_or(0)))
}

/// Counts in all windows, or in none of them if one would go over its limit.
pub(super) async fn take_all(store: &Store, asks: &[Ask]) -> Result<Vec<Taken>, SharedError> {
    let now = unix_ms();
    let counter = |ask: &Ask| SharedCounter {
        key: ask.this.clone(),
        cost: whole(ask.cost),
        limit: whole(ask.limit),
        expires_ms: now.saturating_add(whole(ask.life_ms)),
    };
    let counters: Vec<_> = asks.iter().map(counter).collect();
    let (all, counts) = store.count_all_shared(&counters).await?;
    let answer = |(ask, count): (&Ask, i64)| ask.answer_among(all, u64::try_from(count).unwrap_or(0));
    Ok(asks.iter().zip(counts).map(answer).collect())
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counters are at most 2^53, and a share is at most the whole"
)]
fn weigh(count: i64, share: f64) -> i64 {
    (count as f64 * share).ceil() as i64
}
