//! The gateway's own log: tracing events on standard error, as JSON or as text.
//!
//! The data plane logs nothing at `info` for an ordinary request; that is the access log's work.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{LogFormat, LogLevel};

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
    let done = Registry::default().with(filter(level)).with(layer).try_init();
    if done.is_err() {
        tracing::debug!("the log was begun already");
    }
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
