//! What a guest may call. Each function checks the grants of the assignment it runs for and stops
//! at its quota; what is not granted answers "denied" or does nothing.

mod body;
mod clock;
mod counters;
mod credentials;
mod denied;
mod exchange;
mod http_client;
mod json_pointers;
mod linkers;
mod log_file;
mod logging;
mod metrics;
mod windows;

pub(crate) use body::HeldBody;
pub(crate) use counters::LocalCounters;
pub(crate) use linkers::Linkers;
pub(crate) use log_file::LogFiles;
pub(crate) use logging::LogQuota;
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use metrics::{CounterHandle, HistogramHandle};
pub use metrics::{HISTOGRAM_BOUNDS, PluginSeries};
pub(crate) use metrics::{MetricHandles, PluginMetrics};
