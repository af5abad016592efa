//! `logging`: a plugin's lines in the gateway's log, under a quota of lines and bytes a second.

use std::time::Duration;

use wasmtime::Result;

use crate::exchange::RequestId;
use crate::plugin_host::LogLine;
use crate::plugin_host::assignment::{Core, Rate};
pub(crate) use crate::plugin_host::bindings::weir::plugin::logging::Level as LogLevel;
use crate::plugin_host::bindings::weir::plugin::logging::{Host, Level};
use crate::plugin_host::guest::CallState;

/// Longest message.
const MAX_MESSAGE: usize = 8 << 10;

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
        let (core, id) = (&self.core, self.request_id.as_ref());
        write(core, id, level, (message, fields));
        Ok(())
    }
}

/// Writes a line to the gateway's log and keeps it for onlookers, unless the quota is used up.
pub(crate) fn write(
    core: &Core,
    id: Option<&RequestId>,
    level: Level,
    (mut message, fields): (String, Vec<(String, String)>),
) {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    let more: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let limits = &core.limits;
    let rate = Rate { window: Duration::from_secs(1), lines: limits.log_lines, bytes: limits.log_bytes };
    let now = core.services.started.elapsed();
    let Some(dropped) = core.log_quota.take(now, message.len() + more, &rate) else { return };
    keep(core, id, level, (&message, &fields));
    let info = &core.plugin.info;
    let (plugin, version) = (info.name.as_str(), info.version.as_str());
    let request_id = id.map_or("", |id| id.as_str());
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
}

/// Keeps the line for onlookers.
fn keep(core: &Core, id: Option<&RequestId>, level: Level, (message, fields): (&str, &[(String, String)])) {
    let info = &core.plugin.info;
    core.recent.push(LogLine {
        number: 0,
        at_unix_ms: core.unix_ms(),
        level: match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        },
        plugin: info.name.clone(),
        version: info.version.clone(),
        request_id: id.map_or_else(String::new, |id| id.as_str().to_owned()),
        message: message.to_owned(),
        fields: fields.to_vec(),
    });
}
