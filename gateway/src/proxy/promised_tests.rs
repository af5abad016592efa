//! Limits and timeouts as `docs/reliability.md` promises them: the defaults, and what cannot be set.

use std::time::Duration;

use super::{body_pace, http2, opening};
use crate::config::Setting;

#[test]
fn limits_and_timeouts_are_those_that_are_promised() {
    for (limit, setting, promised) in [
        ("idle after connect, and the whole head", "client_header_timeout", "15"),
        ("between reads of a body", "client_body_timeout", "60"),
        ("slowest body, in bytes a second", "client_body_min_rate", "256"),
        ("idle between requests", "client_keepalive_timeout", "75"),
        ("request target", "client_max_uri_size", "16k"),
        ("one header line", "client_max_header_line_size", "32k"),
        // Less than the 128 that were aimed at: docs/decisions/0006-header-count.md.
        ("header lines", "client_max_headers", "100"),
        ("all header lines", "client_max_header_size", "64k"),
        ("a body that is streamed", "client_max_body_size", "0"),
        // 10m at most.
        ("a body that a plugin holds", "plugin_body_max_size", "1m"),
        ("a drain", "grace_period", "30"),
        ("attempts made again, in percent", "retry_budget_percent", "20"),
    ] {
        let default = Setting::find(setting).map(|setting| setting.default);
        assert_eq!(default, Some(promised), "{limit}");
    }
    assert_eq!(opening::HANDSHAKE, Duration::from_secs(10), "a handshake of TLS");
    assert_eq!(body_pace::GRACE, Duration::from_secs(30), "before the rate of a body counts");
    assert_eq!(http2::MAX_STREAMS, 100, "streams of HTTP/2");
    assert_eq!(
        http2::STREAM_WINDOW,
        (64 << 10) - 1,
        "the window of a stream: a window of 65 536 needs a frame more"
    );
    assert_eq!(http2::CONNECTION_WINDOW, 1 << 20, "the window of a connection");
}
