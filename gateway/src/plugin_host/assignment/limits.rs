//! Limits of an assignment, and what happens when a call fails.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::plugin_host::AssignError;

/// What one assignment may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Guest time of one call, in milliseconds (ticks of the epoch clock).
    pub guest_ms: u64,
    /// Wall time of the calls of one exchange, waiting included.
    pub wall: Duration,
    /// Wall time of one call of the log phase, which no client waits for.
    pub log_wall: Duration,
    /// Memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Calls into the gateway that one call may make.
    pub host_calls: u32,
}

/// What a failed call means for the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The exchange fails.
    Closed,
    /// The exchange goes on as if the plugin were not there.
    Open,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guest_ms: 10,
            wall: Duration::from_secs(5),
            log_wall: Duration::from_secs(60),
            memory_bytes: 64 << 20,
            host_calls: 1000,
        }
    }
}

impl Limits {
    /// Reads `limits` of a `sandbox` over what stands so far; absent and null leave a limit alone.
    pub(crate) fn overlay(mut self, limits: &Map<String, Value>) -> Result<Self, AssignError> {
        for (name, value) in limits {
            if value.is_null() {
                continue;
            }
            let Some(number) = value.as_u64().filter(|number| *number > 0) else {
                return Err(wrong(name, "expected a whole number above 0"));
            };
            match name.as_str() {
                "guest_ms_per_call" => self.guest_ms = number.min(1000),
                "wall_ms_per_exchange" => {
                    self.wall = Duration::from_millis(number);
                    self.log_wall = self.wall;
                }
                "memory_mib" => {
                    self.memory_bytes = usize::try_from(number.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
                }
                "host_calls" => self.host_calls = u32::try_from(number).unwrap_or(u32::MAX),
                _ => return Err(wrong(name, "unknown limit")),
            }
        }
        Ok(self)
    }
}

impl OnFailure {
    /// Reads `on_failure` of a `sandbox`.
    pub(crate) fn read(value: &Value) -> Result<Option<Self>, AssignError> {
        match value.as_str() {
            Some("closed") => Ok(Some(Self::Closed)),
            Some("open") => Ok(Some(Self::Open)),
            None if value.is_null() => Ok(None),
            Some(_) | None => Err(AssignError::Sandbox {
                field: "on_failure".into(),
                reason: "expected one of: closed, open".into(),
            }),
        }
    }
}

fn wrong(name: &str, reason: &str) -> AssignError {
    AssignError::Sandbox { field: format!("limits.{name}"), reason: reason.into() }
}
