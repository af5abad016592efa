//! The state of the node, as `/status` and `/status/ready` tell it. Kong's bodies, with the
//! configuration beside them.

use serde_json::{Value, json};

/// Whether a node should get traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It should.
    Ready,
    /// It is about to end.
    Draining,
    /// Nothing was loaded yet, as the database does not answer.
    DatabaseUnreachable,
    /// Nothing was loaded yet.
    NotLoaded,
    /// There is no database, and nobody gave a declarative configuration.
    Empty,
}

impl Readiness {
    /// Whether it is ready.
    pub fn is_ready(self) -> bool {
        self == Self::Ready
    }

    /// Kong's sentence for it.
    pub fn message(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::DatabaseUnreachable => "failed to connect to database",
            Self::NotLoaded => "router builds not yet complete",
            Self::Empty => "no configuration available (empty configuration present)",
        }
    }
}

/// The state of the node.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// Whether it should get traffic.
    pub readiness: Readiness,
    /// Whether the database answers; `None` without one.
    pub database_reachable: Option<bool>,
    /// MD5 of the declarative configuration; `None` with a database.
    pub configuration_hash: Option<String>,
    /// What serves requests.
    pub configuration: ConfigurationStatus,
    /// Assignments of plugins that are not called as usual.
    pub plugins: Vec<UnusualPlugin>,
}

/// An assignment of a plugin that is not called as usual.
#[derive(Debug, Clone)]
pub struct UnusualPlugin {
    /// Id of the assignment.
    pub assignment: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Workers that do not call it for now, since most of its last calls failed.
    pub resting: u32,
    /// Whether its calls run beside the workers, since they used up their guest time.
    pub slow_lane: bool,
}

/// The configuration that serves requests.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationStatus {
    /// Its revision; 0 before the first.
    pub revision: u64,
    /// When it went live, Unix milliseconds; 0 if never.
    pub loaded_unix_ms: u64,
    /// Whether it came from disk because the database was away.
    pub from_last_good: bool,
    /// Objects left out of it because they are broken.
    pub faults: usize,
    /// Why a newer one is not live.
    pub last_error: Option<String>,
}

/// Which limit was reached when something was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// Client connections.
    Connections,
    /// Memory of the process.
    Memory,
    /// Time that work waits for its turn.
    Queue,
    /// Clients by UDP.
    UdpSessions,
}

impl Shed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connections, Self::Memory, Self::Queue, Self::UdpSessions];

    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Memory => "memory",
            Self::Queue => "queue",
            Self::UdpSessions => "udp_sessions",
        }
    }
}

/// What came of a client's handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// TLS 1.2 is spoken.
    Tls12,
    /// TLS 1.3 is spoken.
    Tls13,
    /// There was no agreement.
    Failed,
    /// The client took too long.
    Late,
    /// The client did not speak TLS.
    Plain,
}

impl Handshake {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tls12, Self::Tls13, Self::Failed, Self::Late, Self::Plain];

    /// As metrics name it: the outcome, and the protocol if one was agreed on.
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Tls12 => ("done", "TLSv1.2"),
            Self::Tls13 => ("done", "TLSv1.3"),
            Self::Failed => ("failed", ""),
            Self::Late => ("late", ""),
            Self::Plain => ("plain", ""),
        }
    }
}

/// Connections and requests of the data plane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerTotals {
    /// Connections since the start.
    pub accepted: u64,
    /// Connections now.
    pub active: u64,
    /// Requests since the start.
    pub requests: u64,
    /// Requests now.
    pub running: u64,
    /// Streams now.
    pub streams: u64,
    /// What was turned away since the start, in the order of [`Shed::ALL`].
    pub shed: [u64; Shed::ALL.len()],
    /// Handshakes since the start, in the order of [`Handshake::ALL`].
    pub handshakes: [u64; Handshake::ALL.len()],
    /// Requests that were not sent again, since their budget was spent.
    pub retries_refused: u64,
}

impl ServerTotals {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            active: self.active + other.active,
            requests: self.requests + other.requests,
            running: self.running + other.running,
            streams: self.streams + other.streams,
            shed: sums(self.shed, other.shed),
            handshakes: sums(self.handshakes, other.handshakes),
            retries_refused: self.retries_refused + other.retries_refused,
        }
    }
}

fn sums<const LENGTH: usize>(ours: [u64; LENGTH], others: [u64; LENGTH]) -> [u64; LENGTH] {
    let mut others = others.into_iter();
    ours.map(|own| own + others.next().unwrap_or(0))
}

impl StatusReport {
    /// The body of `/status`.
    pub fn body(&self, totals: ServerTotals) -> Value {
        let configuration = &self.configuration;
        let mut body = json!({
            "memory": {"workers_lua_vms": [], "lua_shared_dicts": {}},
            "server": {
                "connections_accepted": totals.accepted,
                "connections_active": totals.active,
                "connections_handled": totals.accepted,
                "connections_reading": 0,
                "connections_writing": totals.running,
                "connections_waiting": totals.active.saturating_sub(totals.running),
                "total_requests": totals.requests,
            },
            "configuration": {
                "revision": configuration.revision,
                "loaded_at": configuration.loaded_unix_ms / 1000,
                "source": if configuration.from_last_good { "last_good" } else { "database" },
                "faults": configuration.faults,
                "last_error": configuration.last_error,
            },
        });
        if let (false, Some(fields)) = (self.plugins.is_empty(), body.as_object_mut()) {
            let plugins = self.plugins.iter().map(|one| {
                json!({
                    "assignment": one.assignment, "plugin": one.plugin, "version": one.version,
                    "resting_workers": one.resting, "slow_lane": one.slow_lane,
                })
            });
            fields.insert("plugins_unusual".to_owned(), plugins.collect());
        }
        if let (Some(reachable), Some(fields)) = (self.database_reachable, body.as_object_mut()) {
            fields.insert("database".to_owned(), json!({"reachable": reachable}));
        }
        if let (Some(hash), Some(fields)) = (&self.configuration_hash, body.as_object_mut()) {
            fields.insert("configuration_hash".to_owned(), hash.as_str().into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_on_its_last_good_configuration_says_so() {
        let report = StatusReport {
            readiness: Readiness::Ready,
            database_reachable: Some(false),
            configuration_hash: None,
            configuration: ConfigurationStatus {
                revision: 12,
                loaded_unix_ms: 5_999,
                from_last_good: true,
                faults: 1,
                last_error: Some("the database is away".to_owned()),
            },
            plugins: vec![UnusualPlugin {
                assignment: "a".to_owned(),
                plugin: "p".to_owned(),
                version: "1".to_owned(),
                resting: 2,
                slow_lane: false,
            }],
        };
        let totals =
            ServerTotals { accepted: 4, active: 3, requests: 9, running: 1, ..ServerTotals::default() };
        let body = report.body(totals.plus(ServerTotals::default()));
        assert_eq!(body["database"]["reachable"], false);
        assert_eq!(body["configuration"]["source"], "last_good");
        assert_eq!(body["configuration"]["loaded_at"], 5);
        assert_eq!(body["server"]["connections_waiting"], 2);
        assert_eq!(body["plugins_unusual"][0]["resting_workers"], 2);
        let hash = Some("0".repeat(32));
        let off = StatusReport {
            database_reachable: None,
            configuration_hash: hash,
            plugins: Vec::new(),
            ..report
        };
        assert_eq!(off.body(totals)["configuration_hash"], "0".repeat(32));
        assert_eq!(off.body(totals).get("database"), None, "without a database nothing is said of it");
    }
}
