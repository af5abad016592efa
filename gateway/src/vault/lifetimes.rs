//! How long a value is believed, by Kong's words for it.

use std::time::Duration;

use serde_json::{Map, Value};

/// Between two looks at a file, unless the vault says something else.
const TTL: f64 = 5.0;
/// How long a value outlives its source, unless the vault says something else: Kong's number, three years.
const RESURRECT_TTL: f64 = 1e8;

/// The times of one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetimes {
    /// Until a value is looked at again; `None` is never.
    pub(super) ttl: Option<Duration>,
    /// Until it is tried again what could not be had.
    pub(super) neg_ttl: Duration,
    /// How long the last value goes on being used after its source is gone.
    pub(super) resurrect_ttl: Duration,
}

impl Lifetimes {
    /// Of what does not change while the process runs.
    pub(super) fn for_ever() -> Self {
        Self { ttl: None, ..Self::read(&Map::new()) }
    }

    /// From the `config` of a vault, in seconds.
    pub(super) fn read(config: &Map<String, Value>) -> Self {
        let seconds = |name: &str, usual: f64| {
            let said =
                config.get(name).and_then(Value::as_f64).filter(|said| said.is_finite() && *said >= 0.0);
            Duration::try_from_secs_f64(said.unwrap_or(usual)).unwrap_or(Duration::MAX)
        };
        let ttl = seconds("ttl", TTL);
        Self {
            ttl: (!ttl.is_zero()).then_some(ttl),
            neg_ttl: seconds("neg_ttl", 0.0),
            resurrect_ttl: seconds("resurrect_ttl", RESURRECT_TTL),
        }
    }
}
