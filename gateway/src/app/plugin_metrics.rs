//! What the plugin host counts, for `/metrics`.

use std::time::Duration;

use crate::plugin_host::{
    CallOutcome, CallStats, ConductReport, Conducted, HISTOGRAM_BOUNDS, Host, PluginSeries,
};
use crate::telemetry::{Collect, Exposition, Kind};

type Read = fn(&CallStats) -> Duration;

/// Where the time of calls goes that the guest does not have. Guest time is the rest of
/// `weir_plugin_seconds_total`.
const TIMES: [(&str, &str, Read); 4] = [
    ("weir_plugin_guest_seconds_total", "Time of calls in which the guest ran.", guest_time),
    (
        "weir_plugin_host_seconds_total",
        "Time of calls in which the guest was suspended: a capability waited, or others had their turn.",
        |stats| stats.suspended,
    ),
    (
        "weir_plugin_capacity_wait_seconds_total",
        "Time of calls that waited for a thread of the slow lane.",
        |stats| stats.queued,
    ),
    (
        "weir_plugin_starting_seconds_total",
        "Time to make instances and configure them, because a call found none.",
        |stats| stats.starting,
    ),
];

fn guest_time(stats: &CallStats) -> Duration {
    let beside = stats.suspended + stats.queued + stats.starting;
    stats.time.iter().sum::<Duration>().saturating_sub(beside)
}

/// The plugin host as a source of metrics.
pub(super) struct PluginMetrics(pub(super) Host);

impl Collect for PluginMetrics {
    fn collect(&self, out: &mut Exposition) {
        self.calls(out);
        self.conduct(out);
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
            for (outcome, calls, _) in outcomes(of_phase) {
                out.sample(&[&labels_of(of_phase)[..], &[("outcome", outcome)]].concat(), calls);
            }
        }
        out.family(
            "weir_plugin_seconds_total",
            Kind::Counter,
            "Time spent in calls of plugins, guest and host.",
        );
        for of_phase in &stats {
            for (outcome, _, time) in outcomes(of_phase) {
                out.sample(&[&labels_of(of_phase)[..], &[("outcome", outcome)]].concat(), time.as_secs_f64());
            }
        }
        for (name, help, read) in TIMES {
            out.family(name, Kind::Counter, help);
            stats.iter().for_each(|of_phase| out.sample(&labels_of(of_phase), read(of_phase).as_secs_f64()));
        }
        out.family(
            "weir_plugin_instances_started_total",
            Kind::Counter,
            "Instances that were made because a call found none.",
        );
        stats.iter().for_each(|of_phase| out.sample(&labels_of(of_phase), of_phase.started));
    }

    /// Plugins that are not called as usual.
    fn conduct(&self, out: &mut Exposition) {
        let ConductReport { listed, unusual, opened } = self.0.conduct();
        out.family(
            "weir_plugin_assignments_unusual",
            Kind::Gauge,
            "Assignments that rest after failures or run in the slow lane.",
        );
        out.sample(&[], unusual);
        out.family(
            "weir_plugin_breaker_open",
            Kind::Gauge,
            "Workers that do not call an assignment for now; no sample if all call it.",
        );
        for assignment in listed.iter().filter(|assignment| assignment.resting > 0) {
            sample_of(assignment, assignment.resting, out);
        }
        out.family(
            "weir_plugin_slow_lane",
            Kind::Gauge,
            "1 for an assignment whose calls run beside the workers; no sample for others.",
        );
        for assignment in listed.iter().filter(|assignment| assignment.away) {
            sample_of(assignment, 1, out);
        }
        out.family(
            "weir_plugin_breaker_opened_total",
            Kind::Counter,
            "Times that a breaker opened, of the assignments that there are.",
        );
        for (plugin, times) in &opened {
            out.sample(&[("plugin", plugin)], times);
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

fn labels_of(stats: &CallStats) -> [(&'static str, &str); 3] {
    [("plugin", &stats.plugin), ("version", &stats.version), ("phase", stats.phase)]
}

/// Those that there were, with their calls and their time.
fn outcomes(stats: &CallStats) -> impl Iterator<Item = (&'static str, u64, Duration)> {
    let all = CallOutcome::ALL.iter().zip(stats.calls).zip(stats.time);
    all.filter(|((_, calls), _)| *calls > 0).map(|((outcome, calls), time)| (outcome.as_str(), calls, time))
}

fn sample_of(assignment: &Conducted, value: u32, out: &mut Exposition) {
    let id = assignment.id.to_string();
    let labels = [("plugin", &*assignment.plugin), ("version", &*assignment.version), ("assignment", &*id)];
    out.sample(&labels, value);
}
