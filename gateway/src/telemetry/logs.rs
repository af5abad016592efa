//! The gateway's own log: tracing events on standard error, as JSON or as text.
//!
//! The data plane logs nothing at `info` for an ordinary request; that is the access log's work.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{LogFormat, LogLevel};
use crate::task;

/// The level at this moment, and what can change it.
struct Control {
    configured: LogLevel,
    current: LogLevel,
    /// Counts the changes.
    changes: u64,
    /// None before the log has begun.
    filter: Option<Handle<EnvFilter, Registry>>,
}

/// Of the whole process, as the log is. Not touched by what logs.
static CONTROL: Mutex<Control> =
    Mutex::new(Control { configured: LogLevel::Notice, current: LogLevel::Notice, changes: 0, filter: None });

/// A change of the level, which can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange(u64);

/// The level of the log.
pub fn level() -> LogLevel {
    CONTROL.lock().unwrap_or_else(PoisonError::into_inner).current
}

/// Changes the level of the running log.
pub fn set_level(level: LogLevel) -> LevelChange {
    CONTROL.lock().unwrap_or_else(PoisonError::into_inner).set(level)
}

/// The same for a while; zero is until somebody changes it again.
pub fn set_level_for(level: LogLevel, lasts: Duration) {
    let change = set_level(level);
    if lasts > Duration::ZERO {
        drop(task::spawn("end of a log level", async move {
            tokio::time::sleep(lasts).await;
            undo(change);
        }));
    }
}

/// The same by the name of the level, from another node. One that nobody knows here changes nothing.
pub fn follow_level(name: &str, lasts: Duration) {
    if let Some(level) = LogLevel::named(name) {
        set_level_for(level, lasts);
    }
}

/// Goes back to the configured level, unless the level was changed again since.
pub fn undo(change: LevelChange) {
    let mut control = CONTROL.lock().unwrap_or_else(PoisonError::into_inner);
    if control.changes == change.0 {
        let configured = control.configured;
        control.set(configured);
    }
}

impl Control {
    fn set(&mut self, level: LogLevel) -> LevelChange {
        self.current = level;
        self.changes += 1;
        let reloaded = self.filter.as_ref().map(|handle| handle.reload(filter(level)));
        if let Some(Err(error)) = reloaded {
            tracing::warn!(%error, "the level of the log cannot be changed");
        }
        LevelChange(self.changes)
    }
}

/// Begins to log. Spans, of which there are some at level debug, are written when they end. Calling it a second time in one process changes nothing.
pub fn init(level: LogLevel, format: LogFormat) {
    let layer = match format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => fmt::layer()
            .with_target(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let (filter, handle) = reload::Layer::new(filter(level));
    let done = Registry::default().with(filter).with(layer).try_init();
    if done.is_err() {
        tracing::debug!("the log was begun already");
        return;
    }
    let mut control = CONTROL.lock().unwrap_or_else(PoisonError::into_inner);
    *control = Control { configured: level, current: level, changes: 0, filter: Some(handle) };
}

/// Kong's level as ours. What is below `debug` in detail belongs to libraries and stays out.
fn filter(level: LogLevel) -> EnvFilter {
    let ours = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        // Kong's notice is its ordinary operation, which is our info.
        LogLevel::Info | LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Crit | LogLevel::Alert | LogLevel::Emerg => LevelFilter::ERROR,
    };
    // Libraries speak up only about trouble: a debug level of all of them hides ours.
    let theirs = ours.min(LevelFilter::WARN);
    let filter = EnvFilter::default().add_directive(theirs.into());
    match Directive::from_str(&format!("weir={ours}")) {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kongs_levels_become_ours() {
        for (level, want) in [
            (LogLevel::Debug, "weir=debug,warn"),
            (LogLevel::Notice, "weir=info,warn"),
            (LogLevel::Warn, "weir=warn,warn"),
            (LogLevel::Emerg, "weir=error,error"),
        ] {
            let text = filter(level).to_string();
            let mut parts: Vec<_> = text.split(',').collect();
            parts.sort_unstable_by_key(|part| !part.starts_with("weir"));
            assert_eq!(parts.join(","), want, "{}", level.as_str());
        }
    }
}
