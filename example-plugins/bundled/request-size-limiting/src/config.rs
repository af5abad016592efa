//! Kong's configuration fields of `request-size-limiting`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{JsonSchema, schemars};

const DEFAULT_SIZE: i64 = 128;

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How long a body may be, in `size_unit`.
    pub allowed_payload_size: Option<i64>,
    /// What `allowed_payload_size` counts: units of 1048576 bytes, of 1024 bytes, or bytes.
    pub size_unit: SizeUnit,
    /// Refuse requests that say neither how long their body is nor that it comes in chunks.
    pub require_content_length: bool,
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Kong's names")]
pub enum SizeUnit {
    Megabytes,
    Kilobytes,
    Bytes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_payload_size: Some(DEFAULT_SIZE),
            size_unit: SizeUnit::Megabytes,
            require_content_length: false,
        }
    }
}

impl Config {
    /// How many bytes a body may have; `None` if even an empty one has too many.
    pub(crate) fn limit(&self) -> Option<u64> {
        let unit = match self.size_unit {
            SizeUnit::Megabytes => 1 << 20,
            SizeUnit::Kilobytes => 1 << 10,
            SizeUnit::Bytes => 1,
        };
        let size = self.allowed_payload_size.unwrap_or(DEFAULT_SIZE);
        u64::try_from(size).ok().map(|size| size.saturating_mul(unit))
    }
}
