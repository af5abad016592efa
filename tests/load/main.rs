//! Scenarios under load, whose figures are those that are promised: for an optimised gateway.
//!
//! `make test` builds one and names it in `WEIR_TEST_PROGRAM`; the scenarios run one at a time, since
//! they measure. Deliberately not here: comparisons with other proxies, which need a quiet machine.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON in tests: a missing field is null, and the assertion shows it"
)]

mod ailing;
#[path = "../integration/costly.rs"]
mod costly;
mod full_disk;
mod hot_swap;
mod isolation;
mod moody;
mod outage;
mod promises;
mod promptness;
mod redis_outage;
mod scale;
#[allow(dead_code, reason = "the scenarios without load use the rest")]
#[path = "../integration/setup.rs"]
mod setup;
mod site;
mod stream;
mod traps;
mod versions;
mod writers;
