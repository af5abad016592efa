//! What the process needs to know before it can reach its database.
//!
//! Settings come from defaults, a file and the environment, in that order of growing weight, and
//! each value remembers where it came from. All faults are collected before the start is refused.
//! Services, routes and plugins are not settings: they live in the store.

mod access;
mod address_range;
mod catalog;
mod environment;
mod error;
mod file;
mod kong;
mod listen;
mod load;
mod origin;
mod reader;
mod redis_settings;
mod setting;
mod settings;
mod tls_settings;
mod traffic_catalog;
mod units;
mod upstream_settings;

pub use access::{AccessSettings, AuditMode, AuditSettings, Proofs, ROLES, Unprotected};
pub use address_range::AddressRange;
pub use catalog::settings;
pub use error::{SettingError, SettingsError};
pub use listen::{Listener, Speaks};
pub use load::{Loaded, Sources, load};
pub use origin::Origin;
pub use redis_settings::RedisSettings;
pub use setting::Setting;
pub use settings::{
    AccessLogTarget, Caller, Confine, ConfinementSettings, Database, DeclarativeText, DnsSettings,
    HeaderToken, HeldBodies, LogFormat, LogLevel, Migrate, PluginSettings, PluginSignatures, PluginSources,
    PostgresSettings, ProxySettings, RecordKind, RouterFlavor, Settings,
};
pub use tls_settings::{CipherSuites, TlsSettings, TlsVersion, UpstreamTls};
pub use upstream_settings::{Outliers, RetryBudget, UpstreamKeepalive};
