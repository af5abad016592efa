//! Settings of what goes to upstreams.

use std::time::Duration;

/// Connections to upstreams that are kept for the next request, by each worker.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamKeepalive {
    /// Idle connections; 0 keeps none.
    pub pool_size: usize,
    /// Idle connections to each place that are there before a request needs them; 0 waits for requests.
    pub min_idle: usize,
    /// Requests on one connection; `None` is no limit.
    pub max_requests: Option<u64>,
    /// Idle time; `None` is no limit.
    pub idle_timeout: Option<Duration>,
}

/// How many attempts may be made again, of one route and by one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// In percent of the requests.
    pub percent: u32,
    /// A second, beside those.
    pub floor: u32,
}

/// When an address of an upstream is left alone for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outliers {
    /// Failures in a row; 0 is never.
    pub errors: u8,
    /// Failures in a row that are those of a gateway; 0 is never.
    pub gateway_errors: u8,
    /// How long the first time.
    pub time: Duration,
    /// How long at most.
    pub longest: Duration,
    /// Percent of an upstream's addresses at once.
    pub percent: u8,
}
