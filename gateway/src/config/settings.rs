//! The settings in the shape that the rest of the code wants.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    AccessSettings, AddressRange, Listener, Origin, Outliers, RedisSettings, RetryBudget, TlsSettings,
    UpstreamKeepalive, UpstreamTls,
};
use crate::sealing::Keyring;
use crate::vault::Places;

/// All settings of a process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Working folder.
    pub prefix: PathBuf,
    /// Name of this node, if the operator chose one.
    pub node_id: Option<Uuid>,
    /// Threads of the data plane.
    pub workers: NonZeroUsize,
    /// The least severe messages that are logged.
    pub log_level: LogLevel,
    /// How they are written.
    pub log_format: LogFormat,
    /// How long running requests may take to finish once the process ends.
    pub grace_period: Duration,
    /// Where requests come in.
    pub proxy_listen: Vec<Listener>,
    /// Where streams come in.
    pub stream_listen: Vec<Listener>,
    /// Where the Admin API answers.
    pub admin_listen: Vec<Listener>,
    /// Who may use it.
    pub access: AccessSettings,
    /// Where the status listener answers.
    pub status_listen: Vec<Listener>,
    /// Where configuration is kept.
    pub database: Database,
    /// Keys that secrets are sealed with; `None` keeps them as they are.
    pub encryption_keys: Option<Arc<Keyring>>,
    /// Where the values of references come from.
    pub vault: Places,
    /// Who runs migrations.
    pub migrate: Migrate,
    /// What a gateway without a database begins with.
    pub declarative: Option<DeclarativeText>,
    /// What nodes share counters and values through; `None` is the database.
    pub redis: Option<RedisSettings>,
    /// The data plane.
    pub proxy: ProxySettings,
    /// TLS with upstreams that do not say how.
    pub upstream_tls: UpstreamTls,
    /// `None` if no target is ever ejected.
    pub outliers: Option<Outliers>,
    /// How names are looked up.
    pub dns: DnsSettings,
    /// TLS towards clients of the data plane.
    pub tls: TlsSettings,
    /// What plugins may take of this process.
    pub plugins: PluginSettings,
    /// The cage of the process itself.
    pub confinement: ConfinementSettings,
    /// Who set what; settings that nobody set are missing.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Where configuration is kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// In one file that a declarative file fills, and nobody else.
    Off {
        /// The file.
        path: PathBuf,
    },
    /// In one file.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// In PostgreSQL.
    Postgres(PostgresSettings),
    /// In PostgreSQL or SQLite, by URL.
    Url(SecretString),
}

/// A declarative configuration that was given at the start.
#[derive(Debug, Clone)]
pub struct DeclarativeText {
    /// Where it came from, for messages: the path, or the name of the setting.
    pub name: String,
    /// The text. It holds secrets.
    pub text: SecretString,
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "Kong's names without pg_; docs/configuration.md describes them")]
pub struct PostgresSettings {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: SecretString,
    pub database: String,
    pub ssl: bool,
    pub ssl_verify: bool,
}

/// How names are looked up.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "Kong's names without dns_; docs/configuration.md describes them")]
pub struct DnsSettings {
    /// Empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    pub hostsfile: PathBuf,
    pub order: Vec<RecordKind>,
    /// `None`: as the answer says.
    pub valid_ttl: Option<Duration>,
    pub stale_ttl: Duration,
    pub not_found_ttl: Duration,
    pub error_ttl: Duration,
    pub cache_size: usize,
}

/// A type of record, or the one that had an answer before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RecordKind {
    Last,
    Srv,
    A,
    Aaaa,
    Cname,
}

/// Who runs migrations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Migrate {
    /// `weir start` does.
    #[default]
    Auto,
    /// The operator does, with `weir migrations up`.
    Command,
}

/// The least severe messages that are logged. Kong's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    #[default]
    Notice,
    Warn,
    Error,
    Crit,
    Alert,
    Emerg,
}

impl LogLevel {
    /// All of them with their names.
    pub const ALL: [(&str, Self); 8] = [
        ("debug", Self::Debug),
        ("info", Self::Info),
        ("notice", Self::Notice),
        ("warn", Self::Warn),
        ("error", Self::Error),
        ("crit", Self::Crit),
        ("alert", Self::Alert),
        ("emerg", Self::Emerg),
    ];

    /// Kong's word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, level)| *level == self).map_or("notice", |(name, _)| name)
    }

    /// The level of this name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, level)| *level)
    }
}

/// How the gateway's own log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Where the access log goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// Nowhere, at no cost.
    #[default]
    Off,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, made with its folder if missing.
    File(PathBuf),
}

/// What the gateway adds to responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the headers")]
pub enum HeaderToken {
    Via,
    Server,
    ProxyLatency,
    ResponseLatency,
    UpstreamLatency,
    UpstreamStatus,
    RequestId,
}

/// Somebody whom the operator names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever comes from there.
    Address(AddressRange),
    /// The consumer with this username.
    Consumer(String),
}

/// How routes are written. Kong's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RouterFlavor {
    /// By attributes.
    #[default]
    TraditionalCompatible,
    /// The same, and `path_handling` has an effect.
    Traditional,
    /// By attributes or by expressions.
    Expressions,
}

impl RouterFlavor {
    /// All of them with their names.
    pub const ALL: [(&str, Self); 3] = [
        ("traditional_compatible", Self::TraditionalCompatible),
        ("traditional", Self::Traditional),
        ("expressions", Self::Expressions),
    ];

    /// Kong's word.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, flavor)| *flavor == self)
            .map_or("traditional_compatible", |(name, _)| name)
    }
}

/// Timeouts and limits of the data plane.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "docs/configuration.md describes them under the same names")]
pub struct ProxySettings {
    pub access_log: AccessLogTarget,
    /// Added to responses.
    pub headers: Vec<HeaderToken>,
    /// Whether `X-Kong-Request-Id` goes to the upstream.
    pub request_id_upstream: bool,
    pub server_timing: Vec<Caller>,
    pub trusted_ips: Vec<AddressRange>,
    pub router_flavor: RouterFlavor,
    pub real_ip_header: HeaderName,
    pub real_ip_recursive: bool,
    pub max_connections: usize,
    pub max_udp_sessions: usize,
    /// In bytes; `None` is no limit.
    pub max_memory: Option<u64>,
    /// `None` is no limit.
    pub max_queue_time: Option<Duration>,
    pub client_header_timeout: Duration,
    pub client_body_timeout: Duration,
    /// Bytes a second; `None` is no limit.
    pub client_body_min_rate: Option<u64>,
    pub client_send_timeout: Duration,
    pub client_keepalive_timeout: Duration,
    pub client_max_headers: usize,
    pub client_max_header_size: usize,
    pub client_max_header_line_size: usize,
    pub client_max_uri_size: usize,
    /// `None` is no limit.
    pub client_max_body_size: Option<u64>,
    pub upstream_keepalive: UpstreamKeepalive,
    /// `None` is no limit.
    pub retry_budget: Option<RetryBudget>,
    pub held_bodies: HeldBodies,
}

/// Bodies that are held for plugins.
#[derive(Debug, Clone, Copy)]
pub struct HeldBodies {
    /// Bytes of one body.
    pub max_size: usize,
    /// Bytes of all of them, in each worker.
    pub memory: usize,
}

/// What is asked of components that are uploaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PluginSignatures {
    /// Nothing.
    #[default]
    Off,
    /// A line in the log for one without a good signature.
    Warn,
    /// A good signature.
    Require,
}

/// Whose components run here, and where they may come from.
#[derive(Debug, Clone, Default)]
pub struct PluginSources {
    /// What is asked of components.
    pub signatures: PluginSignatures,
    /// Public keys: as the setting names them, and their text.
    pub trusted_keys: Vec<(String, String)>,
    /// Registries as `host[:port]`, and whether they are asked without TLS.
    pub registries: Vec<(String, bool)>,
    /// Host -> `user:password` in base64.
    pub registry_credentials: BTreeMap<String, SecretString>,
}

/// What plugins may take of this process.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "docs/configuration.md describes them under the same names")]
pub struct PluginSettings {
    pub memory_mib: u32,
    pub instances: u32,
    pub component_max_size: usize,
    pub compile_time: Duration,
    /// `wasi_http_functions`.
    pub functions: bool,
    pub sources: PluginSources,
}

/// The cage of the process itself.
#[derive(Debug, Clone)]
pub struct ConfinementSettings {
    /// Whether there is one.
    pub mode: Confine,
    /// Whom a process becomes that is started as root, as `name` or `name group`.
    pub user: Option<String>,
    /// Whether it may write core dumps, and be traced.
    pub core_dumps: bool,
    /// Folders and files, beside the prefix, that plugins may be granted to log to.
    pub log_folders: Vec<PathBuf>,
}

/// Whether the process confines itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Confine {
    /// As far as the kernel can.
    #[default]
    On,
    /// Wholly, or it does not start.
    Required,
    /// Not at all.
    Off,
}
