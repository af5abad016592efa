//! `Server-Timing` (W3C) for callers that the operator names: where the time of a request went.
//!
//! Times are in milliseconds. Others do not get it: how long a plugin thinks may tell what it thinks.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::Caller;
use crate::exchange::Exchange;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Adds the header, beside one of the upstream's, if the caller is among `callers`.
///
/// `calls` are the plugins that were called, and the time that took.
pub(super) fn add<'p>(
    exchange: &Exchange,
    calls: impl Iterator<Item = (&'p str, Duration)>,
    callers: &[Caller],
    head: &mut HeaderMap,
) {
    if !callers.iter().any(|caller| is(caller, exchange)) {
        return;
    }
    let mut text = String::new();
    entry(&mut text, "", "gateway", exchange.timing.gateway_latency());
    if let Some(upstream) = exchange.timing.upstream_latency() {
        entry(&mut text, "", "upstream", upstream);
    }
    entry(&mut text, "", "plugins", exchange.timing.plugins);
    for (plugin, time) in calls {
        entry(&mut text, "plugin.", plugin, time);
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        head.append(SERVER_TIMING, value);
    }
}

fn is(caller: &Caller, exchange: &Exchange) -> bool {
    match caller {
        Caller::Address(range) => range.contains(exchange.peer.client.ip()),
        Caller::Consumer(name) => {
            let consumer = exchange.identity.as_ref().and_then(|identity| identity.consumer.as_ref());
            consumer.is_some_and(|consumer| consumer.username.as_ref() == Some(name))
        }
    }
}

/// The name of a plugin is a token of HTTP, as the upload was checked for.
fn entry(text: &mut String, prefix: &str, name: &str, time: Duration) {
    let separator = if text.is_empty() { "" } else { ", " };
    _ = write!(text, "{separator}{prefix}{name};dur={:.3}", time.as_secs_f64() * 1000.0);
}
