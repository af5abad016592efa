//! The health of targets, for `/metrics`.

use crate::balancer::{Health, TargetState, TargetView};
use crate::telemetry::{Collect, Exposition, Kind};
use crate::upstreams::Upstreams;

/// Kong's four states, in the order in which it prints them.
const STATES: [&str; 4] = ["healthchecks_off", "healthy", "unhealthy", "dns_error"];

/// The upstreams as a source of metrics.
pub(super) struct TargetMetrics(pub(super) Upstreams);

impl Collect for TargetMetrics {
    fn collect(&self, out: &mut Exposition) {
        let views = self.0.views();
        if views.iter().all(|view| view.targets.is_empty()) {
            return;
        }
        let name = "kong_upstream_target_health";
        out.family(name, Kind::Gauge, "Health status of targets of upstream. States = healthchecks_off|healthy|unhealthy|dns_error, value is 1 when state is populated.");
        for upstream in &views {
            upstream.targets.iter().for_each(|target| of_target(&upstream.name, target, out));
        }
        let targets =
            || views.iter().flat_map(|view| view.targets.iter().map(|target| (&*view.name, target)));
        if targets().any(|(_, target)| target.addresses.iter().any(|found| found.ejections > 0)) {
            let name = "weir_upstream_target_ejections_total";
            out.family(
                name,
                Kind::Counter,
                "How often an address was left alone since requests to it failed.",
            );
            targets().for_each(|(upstream, target)| ejections_of(upstream, target, out));
        }
    }
}

/// A line for each address that was ever ejected.
fn ejections_of(upstream: &str, target: &TargetView, out: &mut Exposition) {
    for found in target.addresses.iter().filter(|found| found.ejections > 0) {
        let address = found.address.to_string();
        let labels = [("upstream", upstream), ("target", &target.target), ("address", &address)];
        out.sample(&labels, found.ejections);
    }
}

/// A line for each address and state; a target without an address has an empty one.
fn of_target(upstream: &str, target: &TargetView, out: &mut Exposition) {
    let addresses = target.addresses.iter().map(|found| (found.address.to_string(), state(found.health)));
    let nowhere = (target.state == TargetState::DnsError).then(|| (String::new(), "dns_error"));
    for (address, state) in nowhere.into_iter().chain(addresses) {
        for known in STATES {
            let labels = [
                ("upstream", upstream),
                ("target", &target.target),
                ("address", &address),
                ("state", known),
                ("subsystem", "http"),
            ];
            out.sample(&labels, u8::from(known == state));
        }
    }
}

fn state(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Off => "healthchecks_off",
    }
}
