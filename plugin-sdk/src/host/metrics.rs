//! Metrics of the plugin's own: capability `metrics`. Make them in `configure` and keep them.

use super::raw::metrics;

/// A number that only grows.
pub struct Counter(metrics::Counter);

/// How often values fell into which range.
pub struct Histogram(metrics::Histogram);

impl Counter {
    /// A counter with these label names, which stay fixed.
    pub fn new(name: &str, label_names: &[&str]) -> Self {
        Self(metrics::Counter::new(name, &owned(label_names)))
    }

    /// Adds `n` under these label values, in the order of the names.
    pub fn add(&self, n: u64, labels: &[&str]) {
        self.0.add(n, &owned(labels));
    }
}

impl Histogram {
    /// A histogram with these label names, which stay fixed.
    pub fn new(name: &str, label_names: &[&str]) -> Self {
        Self(metrics::Histogram::new(name, &owned(label_names)))
    }

    /// Notes `value` under these label values, in the order of the names.
    pub fn observe(&self, value: f64, labels: &[&str]) {
        self.0.observe(value, &owned(labels));
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
