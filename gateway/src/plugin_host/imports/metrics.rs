//! `metrics`: counters and histograms of plugins, with bounded names and labels.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::plugin_host::bindings::weir::plugin::metrics::{Host, HostCounter, HostHistogram};
use crate::plugin_host::guest::CallState;

/// Series of one plugin, all its metrics and labels together.
const MAX_SERIES: usize = 1000;
/// Metrics that one instance may hold.
const MAX_HANDLES: usize = 64;
/// Upper bounds of histograms, in whatever unit the plugin observes.
pub const HISTOGRAM_BOUNDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// One metric of a plugin: what `Resource<CounterHandle>` stands for.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct CounterHandle;
/// One metric of a plugin: what `Resource<HistogramHandle>` stands for.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HistogramHandle;

/// Names of the metrics that an instance has made, by handle.
#[derive(Default)]
pub(crate) struct MetricHandles(Vec<Metric>);

#[derive(Clone)]
struct Metric {
    name: Arc<str>,
    labels: Arc<[String]>,
}

/// One series, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub enum PluginSeries {
    /// Only grows.
    Counter(u64),
    /// Counts by upper bound (the last has none), and the sum.
    Histogram {
        /// Observations up to each of the upper bounds, and beyond; not cumulated.
        buckets: [u64; 13],
        /// Sum of all observations.
        sum: f64,
    },
}

/// Plugin, metric, and labels with their values.
type Key = (Arc<str>, Arc<str>, Vec<(String, String)>);

/// The metrics that plugins keep.
#[derive(Default)]
pub(crate) struct PluginMetrics(Mutex<BTreeMap<Key, PluginSeries>>);

impl PluginMetrics {
    /// All series: plugin, metric, labels, value.
    pub(crate) fn snapshot(&self) -> Vec<(Key, PluginSeries)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(key, series)| (key.clone(), series.clone())).collect()
    }

    fn change(&self, key: Key, fresh: PluginSeries, step: impl FnOnce(&mut PluginSeries)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = all.get_mut(&key) {
            return step(series);
        }
        let of_plugin = all.keys().filter(|(plugin, ..)| *plugin == key.0).count();
        if of_plugin < MAX_SERIES {
            step(all.entry(key).or_insert(fresh));
        }
    }
}

impl CallState {
    fn make(&mut self, name: String, labels: Vec<String>) -> Result<u32> {
        self.charge()?;
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 64
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        if !plain(&name) || labels.len() > 8 || !labels.iter().all(|label| plain(label)) {
            return Err(wasmtime::Error::msg(
                "names of metrics and labels are 1 to 64 of a-z, 0-9 and `_`; at most 8 labels",
            ));
        }
        if self.metrics.0.len() >= MAX_HANDLES {
            return Err(wasmtime::Error::msg("a plugin may make 64 metrics"));
        }
        self.metrics.0.push(Metric { name: name.into(), labels: labels.into() });
        Ok(u32::try_from(self.metrics.0.len() - 1)?)
    }

    fn change(&mut self, handle: u32, values: Vec<String>, observed: Observed) -> Result<()> {
        self.charge()?;
        let metric = self.metrics.0.get(usize::try_from(handle)?).cloned();
        let Some(metric) = metric.filter(|_| self.core.grants.metrics) else {
            return Ok(());
        };
        if values.len() != metric.labels.len() || values.iter().any(|value| value.len() > 128) {
            return Err(wasmtime::Error::msg("one value of at most 128 bytes for each label"));
        }
        let mut labels: Vec<_> = metric.labels.iter().cloned().zip(values).collect();
        labels.iter_mut().for_each(|(_, value)| self.core.grants.secrets.redact(value));
        let key = (Arc::from(self.core.plugin.info.name.as_str()), metric.name, labels);
        let metrics = &self.core.services.metrics;
        match observed {
            Observed::Count(by) => metrics.change(key, PluginSeries::Counter(0), |series| {
                if let PluginSeries::Counter(count) = series {
                    *count = count.saturating_add(by);
                }
            }),
            Observed::Value(value) if value.is_finite() => {
                let fresh = PluginSeries::Histogram { buckets: [0; 13], sum: 0.0 };
                metrics.change(key, fresh, |series| observe(series, value));
            }
            Observed::Value(_) => {}
        }
        Ok(())
    }
}

enum Observed {
    Count(u64),
    Value(f64),
}

fn observe(series: &mut PluginSeries, value: f64) {
    if let PluginSeries::Histogram { buckets, sum } = series {
        let at = HISTOGRAM_BOUNDS.iter().position(|bound| value <= *bound).unwrap_or(HISTOGRAM_BOUNDS.len());
        if let Some(bucket) = buckets.get_mut(at) {
            *bucket += 1;
        }
        *sum += value;
    }
}

impl Host for CallState {}

impl HostCounter for CallState {
    fn new(&mut self, name: String, labels: Vec<String>) -> Result<Resource<CounterHandle>> {
        Ok(Resource::new_own(self.make(name, labels)?))
    }

    fn add(&mut self, counter: Resource<CounterHandle>, n: u64, labels: Vec<String>) -> Result<()> {
        self.change(counter.rep(), labels, Observed::Count(n))
    }

    fn drop(&mut self, _: Resource<CounterHandle>) -> Result<()> {
        Ok(())
    }
}

impl HostHistogram for CallState {
    fn new(&mut self, name: String, labels: Vec<String>) -> Result<Resource<HistogramHandle>> {
        Ok(Resource::new_own(self.make(name, labels)?))
    }

    fn observe(&mut self, histogram: Resource<HistogramHandle>, v: f64, labels: Vec<String>) -> Result<()> {
        self.change(histogram.rep(), labels, Observed::Value(v))
    }

    fn drop(&mut self, _: Resource<HistogramHandle>) -> Result<()> {
        Ok(())
    }
}
