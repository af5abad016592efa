//! How the process tells what it does: logs, access log, log records, metrics, status.
//!
//! Everything here is bounded and none of it waits: a worker that cannot get rid of a line drops
//! it and counts it. It deliberately starts no listener and decides nothing about requests.

mod access_log;
mod json;
pub mod log_record;
pub mod logs;
pub mod metrics;
mod redact;
mod status;

pub use access_log::{AccessLog, WorkerAccessLog};
pub use metrics::{Collect, Exposition, Kind, Metrics, WorkerMetrics, resident_bytes};
pub use status::{
    ConfigurationStatus, Handshake, Readiness, ServerTotals, Shed, StatusReport, UnusualPlugin,
};
