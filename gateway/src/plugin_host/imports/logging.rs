//! `logging`: a plugin's lines in the gateway's log, under a quota of bytes a second.

use std::time::{Duration, Instant};

use wasmtime::Result;

use crate::plugin_host::LogLine;
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

impl CallState {
    /// Keeps the line for onlookers.
    fn keep(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let info = &self.core.plugin.info;
        self.core.recent.push(LogLine {
            number: 0,
            at_unix_ms: self.unix_ms(),
            level: match level {
                Level::Trace => "trace",
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            },
            plugin: info.name.clone(),
            version: info.version.clone(),
            request_id: self.request_id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
            message: message.to_owned(),
            fields: fields.to_vec(),
        });
    }
}

impl Host for CallState {
    fn enabled(&mut self, level: Level) -> Result<bool> {
        self.charge()?;
        let all = self.core.services.trial.is_some();
        Ok(self.core.grants.logging
            && (all
                || match level {
                    Level::Trace => tracing::enabled!(target: "weir::plugin", tracing::Level::TRACE),
                    Level::Debug => tracing::enabled!(target: "weir::plugin", tracing::Level::DEBUG),
                    Level::Info => tracing::enabled!(target: "weir::plugin", tracing::Level::INFO),
                    Level::Warn => tracing::enabled!(target: "weir::plugin", tracing::Level::WARN),
                    Level::Error => tracing::enabled!(target: "weir::plugin", tracing::Level::ERROR),
                }))
    }

    fn log(&mut self, level: Level, mut message: String, fields: Vec<(String, String)>) -> Result<()> {
        if !self.enabled(level)? {
            return Ok(());
        }
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let more: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let Some(dropped) = self.log_quota.take(message.len() + more) else {
            return Ok(());
        };
        self.keep(level, &message, &fields);
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
