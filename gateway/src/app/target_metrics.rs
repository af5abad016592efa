//! The health of targets, for `/metrics`.

use crate::balancer::{AddressView, Health, TargetState};
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
            for target in &upstream.targets {
                let line = |address: &str, state: &str, out: &mut Exposition| {
                    for known in STATES {
                        let labels = [
                            ("upstream", upstream.name.as_ref()),
                            ("target", target.target.as_ref()),
                            ("address", address),
                            ("state", known),
                            ("subsystem", "http"),
                        ];
                        out.sample(&labels, u8::from(known == state));
                    }
                };
                if target.state == TargetState::DnsError {
                    line("", "dns_error", out);
                }
                for AddressView { address, health, .. } in &target.addresses {
                    line(&address.to_string(), state(*health), out);
                }
            }
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
