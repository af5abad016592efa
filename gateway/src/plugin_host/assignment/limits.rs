//! What one assignment may use, from defaults by the language of the guest to what the operator says.

use std::time::Duration;

use serde_json::{Map, Value};

use super::AssignError;
use crate::plugin_host::Language;

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
    /// Bytes that one call may send out and get back through `http-client`.
    pub outbound_bytes: u64,
    /// Lines that all instances together may log in a second.
    pub log_lines: u32,
    /// Bytes of those lines.
    pub log_bytes: u32,
    /// Key and value bytes of attributes that one call may set.
    pub attribute_bytes: usize,
    /// Instances alive at once on this node, warm ones included; the gateway's own limit holds as well.
    pub instances: u32,
}

impl Limits {
    /// The limits of a guest whose operator says nothing. An interpreter needs more time for the same
    /// work, and begins with more memory than a compiled guest ever takes.
    pub fn of(language: Language) -> Self {
        let (guest_ms, memory_mib) = match language {
            Language::Compiled => (10, 64),
            Language::Go => (20, 64),
            Language::JavaScript => (50, 128),
            Language::Python => (100, 256),
        };
        Self {
            guest_ms,
            wall: Duration::from_secs(5),
            log_wall: Duration::from_secs(60),
            memory_bytes: memory_mib << 20,
            host_calls: 1000,
            outbound_bytes: 16 << 20,
            log_lines: 200,
            log_bytes: 64 << 10,
            attribute_bytes: 4 << 10,
            instances: u32::MAX,
        }
    }

    /// The limits of a function, whose one call lasts from the first byte of the request to the last of the
    /// answer.
    pub fn of_functions(language: Language) -> Self {
        Self { guest_ms: 1000, wall: Duration::from_secs(60), ..Self::of(language) }
    }

    /// Reads `limits` of a `sandbox` over what stands so far; absent and null leave a limit alone.
    pub(crate) fn overlay(mut self, limits: &Map<String, Value>) -> Result<Self, AssignError> {
        for (name, value) in limits {
            if value.is_null() {
                continue;
            }
            let Some(number) = value.as_u64().filter(|number| *number > 0) else {
                return Err(wrong(name, "expected a whole number above 0"));
            };
            let small = u32::try_from(number).unwrap_or(u32::MAX);
            let size = usize::try_from(number).unwrap_or(usize::MAX);
            match name.as_str() {
                "guest_ms_per_call" => self.guest_ms = number.min(1000),
                "wall_ms_per_exchange" => {
                    self.wall = Duration::from_millis(number);
                    self.log_wall = self.wall;
                }
                "memory_mib" => self.memory_bytes = size.saturating_mul(1 << 20),
                "host_calls" => self.host_calls = small,
                "outbound_bytes" => self.outbound_bytes = number,
                "log_lines_per_second" => self.log_lines = small,
                "log_bytes_per_second" => self.log_bytes = small,
                "attribute_bytes" => self.attribute_bytes = size,
                "instances" => self.instances = small,
                _ => return Err(wrong(name, "unknown limit")),
            }
        }
        Ok(self)
    }
}

fn wrong(name: &str, reason: &str) -> AssignError {
    AssignError::Sandbox { field: format!("limits.{name}"), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn interpreters_get_more_and_the_operator_has_the_last_word() {
        let [compiled, python] = [Language::Compiled, Language::Python].map(Limits::of);
        assert!(python.guest_ms > compiled.guest_ms && python.memory_bytes > compiled.memory_bytes);
        let said = json!({"guest_ms_per_call": 3, "instances": 2, "host_calls": null});
        let limits = python.overlay(said.as_object().unwrap()).unwrap();
        assert_eq!((limits.guest_ms, limits.instances, limits.host_calls), (3, 2, python.host_calls));
        for wrong in [json!({"instances": 0}), json!({"cats": 1}), json!({"host_calls": "many"})] {
            assert!(python.overlay(wrong.as_object().unwrap()).is_err(), "{wrong}");
        }
    }
}
