//! What a guest may call. Each function checks the grants of the assignment it runs for and stops
//! at its quota; what is not granted answers "denied" or does nothing.

mod body;
mod clock;
mod counters;
mod credentials;
mod crypto;
mod denied;
mod exchange;
mod http_client;
mod json_pointers;
mod linkers;
mod local_cache;
mod log_file;
mod logging;
mod metrics;
mod public_key;
mod secrets;
mod shared_state;
mod windows;

pub(crate) use body::HeldBody;
pub(crate) use clock::link_stopped_clock;
pub(crate) use counters::LocalCounters;
pub(crate) use http_client::{Asked, HttpError, admit, refused};
pub(crate) use linkers::Linkers;
pub(crate) use local_cache::{LocalCache, LocalCaches};
pub(crate) use log_file::LogFiles;
pub(crate) use logging::{LogLevel, write as write_log};
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use metrics::{CounterHandle, HistogramHandle};
pub use metrics::{HISTOGRAM_BOUNDS, PluginSeries};
pub(crate) use metrics::{MetricHandles, PluginMetrics};
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use public_key::PublicKey;
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use secrets::SecretHandle;
