//! `logging`: a plugin's lines in the gateway's log, under a quota of bytes a second.

use std::time::{Duration, Instant};

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::logging::{Host, Level};
use crate::plugin_host::guest::CallState;

/// Bytes that one instance may log in a second.
const BYTES_PER_SECOND: usize = 64 << 10;
/// Longest message.
const MAX_MESSAGE: usize = 8 << 10;

/// What an instance may still log in this second.
#[derive(Debug, Default)]
pub(crate) struct LogQuota {
    since: Option<Instant>,
    used: usize,
    dropped: u64,
}

impl LogQuota {
    /// Takes `bytes`; how many lines were dropped before this one, or `None` to drop it too.
    fn take(&mut self, bytes: usize) -> Option<u64> {
        let now = Instant::now();
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            self.since = Some(now);
            self.used = 0;
        }
        self.used = self.used.saturating_add(bytes);
        if self.used > BYTES_PER_SECOND {
            self.dropped += 1;
            return None;
        }
        Some(std::mem::take(&mut self.dropped))
    }
}

impl Host for CallState {
    fn enabled(&mut self, level: Level) -> Result<bool> {
        self.charge()?;
        Ok(self.core.grants.logging
            && match level {
                Level::Trace => tracing::enabled!(target: "weir::plugin", tracing::Level::TRACE),
                Level::Debug => tracing::enabled!(target: "weir::plugin", tracing::Level::DEBUG),
                Level::Info => tracing::enabled!(target: "weir::plugin", tracing::Level::INFO),
                Level::Warn => tracing::enabled!(target: "weir::plugin", tracing::Level::WARN),
                Level::Error => tracing::enabled!(target: "weir::plugin", tracing::Level::ERROR),
            })
    }

    fn log(&mut self, level: Level, mut message: String, mut fields: Vec<(String, String)>) -> Result<()> {
        if !self.enabled(level)? {
            return Ok(());
        }
        if !self.core.grants.secrets.is_empty() {
            self.charge_bytes(message.len())?;
            self.core.grants.secrets.redact(&mut message);
            let texts = fields.iter_mut().flat_map(|(name, value)| [name, value]);
            texts.for_each(|text| self.core.grants.secrets.redact(text));
        }
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let more: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let Some(dropped) = self.log_quota.take(message.len() + more) else {
            return Ok(());
        };
        let info = &self.core.plugin.info;
        let (plugin, version) = (info.name.as_str(), info.version.as_str());
        let request_id = self.request_id.as_ref().map_or("", |id| id.as_str());
        let fields = if fields.is_empty() { String::new() } else { format!("{fields:?}") };
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(target: "weir::plugin", plugin, version, request_id, fields, dropped, "{message}")
            };
        }
        match level {
            Level::Trace => emit!(trace),
            Level::Debug => emit!(debug),
            Level::Info => emit!(info),
            Level::Warn => emit!(warn),
            Level::Error => emit!(error),
        }
        Ok(())
    }
}
