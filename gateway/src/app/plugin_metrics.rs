//! What the plugin host counts, for `/metrics`.

use crate::plugin_host::{CallOutcome, HISTOGRAM_BOUNDS, Host, PluginSeries};
use crate::telemetry::{Collect, Exposition, Kind};

/// The plugin host as a source of metrics.
pub(super) struct PluginMetrics(pub(super) Host);

impl Collect for PluginMetrics {
    fn collect(&self, out: &mut Exposition) {
        self.calls(out);
        self.instances(out);
        self.versions(out);
        self.own(out);
    }
}

impl PluginMetrics {
    fn calls(&self, out: &mut Exposition) {
        let stats = self.0.call_stats();
        out.family("weir_plugin_calls_total", Kind::Counter, "Calls of plugins by outcome.");
        for of_phase in &stats {
            for (outcome, calls) in
                CallOutcome::ALL.iter().zip(of_phase.calls).filter(|(_, calls)| *calls > 0)
            {
                let labels = [
                    ("plugin", &*of_phase.plugin),
                    ("version", &*of_phase.version),
                    ("phase", of_phase.phase),
                    ("outcome", outcome.as_str()),
                ];
                out.sample(&labels, calls);
            }
        }
        out.family(
            "weir_plugin_seconds_total",
            Kind::Counter,
            "Time spent in calls of plugins, guest and host.",
        );
        for of_phase in &stats {
            let labels =
                [("plugin", &*of_phase.plugin), ("version", &*of_phase.version), ("phase", of_phase.phase)];
            out.sample(&labels, of_phase.time.as_secs_f64());
        }
    }

    fn instances(&self, out: &mut Exposition) {
        let (alive, limit) = self.0.instances();
        out.family("weir_plugin_instances", Kind::Gauge, "Instances of plugins that are alive.");
        out.sample(&[], alive);
        out.family(
            "weir_plugin_instances_limit",
            Kind::Gauge,
            "Instances of plugins that there is room for.",
        );
        out.sample(&[], limit);
    }

    /// Versions that run here. One that nobody is assigned to any more stays until the last request that
    /// began with it has left.
    fn versions(&self, out: &mut Exposition) {
        out.family(
            "weir_plugin_version_assignments",
            Kind::Gauge,
            "Assignments that run a version of a plugin, those that only running requests hold among them.",
        );
        for (plugin, version, in_use) in
            self.0.loaded().iter().filter(|(_, _, in_use)| in_use.assignments > 0)
        {
            out.sample(&[("plugin", plugin), ("version", version)], in_use.assignments);
        }
    }

    /// Metrics that plugins keep themselves: one family for counters, one for histograms.
    fn own(&self, out: &mut Exposition) {
        let series = self.0.plugin_series();
        out.family("weir_plugin_counter_total", Kind::Counter, "Counters that plugins keep.");
        for named in &series {
            if let PluginSeries::Counter(value) = &named.series {
                out.sample(&labels(&named.plugin, &named.metric, &named.labels), value);
            }
        }
        out.family("weir_plugin_histogram", Kind::Histogram, "Histograms that plugins keep.");
        for named in &series {
            if let PluginSeries::Histogram { buckets, sum } = &named.series {
                out.histogram(
                    &labels(&named.plugin, &named.metric, &named.labels),
                    &HISTOGRAM_BOUNDS,
                    buckets,
                    *sum,
                );
            }
        }
    }
}

fn labels<'a>(plugin: &'a str, metric: &'a str, own: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    [("plugin", plugin), ("metric", metric)].into_iter().chain(own).collect()
}
