//! What is counted, and the text in which Prometheus reads it.
//!
//! Each worker counts in a shard of its own with plain loads and stores: nobody else writes there,
//! so nothing contends. A scrape reads all shards and adds them up. New series reach the scraper
//! through a channel, so that a worker never waits for a scrape. Names and buckets are Kong's where
//! Kong has the metric; the number of series is bounded.

mod cell;
mod exposition;
mod latency;
mod process;
mod proxy;
mod routes;
mod series;
mod streams;
mod worker;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

pub use exposition::{Collect, Exposition, Kind};
pub use process::resident_bytes;
pub use worker::WorkerMetrics;

use super::status::{ServerTotals, StatusReport};
use series::{Counted, Series};
use worker::Shard;

/// All metrics of the process.
pub struct Metrics {
    node_id: String,
    shards: Mutex<Vec<Arc<Shard>>>,
    series: Mutex<Known>,
    new_series: Sender<Arc<Series>>,
    collectors: Mutex<Vec<Arc<dyn Collect>>>,
}

/// Series that were announced, and those that wait to be seen.
struct Known {
    series: Vec<Arc<Series>>,
    announced: Receiver<Arc<Series>>,
}

impl Metrics {
    /// No shard and no collector yet.
    pub fn new(node_id: impl Into<String>) -> Arc<Self> {
        let (new_series, announced) = channel();
        Arc::new(Self {
            node_id: node_id.into(),
            shards: Mutex::default(),
            series: Mutex::new(Known { series: Vec::new(), announced }),
            new_series,
            collectors: Mutex::default(),
        })
    }

    /// A shard for one more worker.
    pub fn worker(&self) -> WorkerMetrics {
        let shard = Arc::new(Shard::default());
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        WorkerMetrics::new(shard, self.new_series.clone())
    }

    /// Asks `collector` at each scrape, after what is counted here.
    pub fn register(&self, collector: Arc<dyn Collect>) {
        self.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(collector);
    }

    /// Connections and requests of all workers.
    pub fn totals(&self) -> ServerTotals {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.iter().fold(ServerTotals::default(), |totals, shard| totals.plus(shard.totals()))
    }

    /// Everything in the text format of Prometheus, version 0.0.4. Takes time in proportion to the
    /// number of series: not for a worker thread.
    pub fn exposition(&self, report: &StatusReport) -> String {
        let mut out = Exposition::default();
        proxy::node(&self.node_id, report, &mut out);
        let totals = self.totals();
        proxy::connections(&self.node_id, totals, &mut out);
        proxy::shed(totals, &mut out);
        proxy::edges(totals, &mut out);
        let merged = series::merge(&self.known_series());
        let (requests, of_streams) =
            merged.into_iter().partition(|(labels, _)| labels.counted == Counted::Requests);
        proxy::requests(&requests, &of_streams, &mut out);
        streams::collect(totals, &of_streams, &mut out);
        process::collect(&mut out);
        let collectors = self.collectors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for collector in collectors {
            collector.collect(&mut out);
        }
        out.into_text()
    }

    fn known_series(&self) -> Vec<Arc<Series>> {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { series, announced } = &mut *known;
        series.extend(announced.try_iter());
        series.retain(|series| !series.is_retired());
        series.clone()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
