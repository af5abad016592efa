//! Kong's configuration fields of `ip-restriction`.

use serde::Deserialize;
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

use crate::networks::{Network, Networks};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend(
    "x-protocols" = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"],
    "x-checks" = serde_json::json!([{"at_least_one_of": ["allow", "deny"]}])
))]
pub struct Config {
    /// Addresses and networks of which clients are let in. Without any, all are.
    pub allow: Option<Vec<String>>,
    /// Addresses and networks of which clients are kept out, even if `allow` has them.
    pub deny: Option<Vec<String>>,
    /// The status of a refusal, 403 by default.
    pub status: Option<f64>,
    /// The message of a refusal, in place of one that names the address.
    pub message: Option<String>,
}

impl Config {
    /// The status of a refusal; `None` if it is no status that a response can have.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 200 to 599")]
    fn status(&self) -> Option<u16> {
        let status = self.status.unwrap_or(403.0);
        (200.0..600.0).contains(&status).then_some(status as u16)
    }

    /// The status, and whom to allow and to deny; or what the schema cannot say.
    pub(crate) fn read(&self) -> Result<(u16, Networks, Networks), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let allow = networks("allow", self.allow.as_deref(), &mut problems);
        let deny = networks("deny", self.deny.as_deref(), &mut problems);
        let status = self.status();
        if status.is_none() {
            problems.push(ConfigProblem::new("/status", "must be a status from 200 to 599"));
        }
        status.filter(|_| problems.is_empty()).map(|status| (status, allow, deny)).ok_or(problems)
    }
}

fn networks(field: &str, listed: Option<&[String]>, problems: &mut Vec<ConfigProblem>) -> Networks {
    let mut found = Vec::new();
    for (at, text) in listed.unwrap_or_default().iter().enumerate() {
        match Network::read(text) {
            Some(network) => found.push(network),
            None => {
                // In Kong's words.
                let message = format!("invalid ip or cidr range: '{text}'");
                problems.push(ConfigProblem::new(&format!("/{field}/{at}"), &message));
            }
        }
    }
    Networks::of(found)
}
