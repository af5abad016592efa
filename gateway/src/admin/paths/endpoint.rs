//! What a path of the Admin API can stand for, and which methods it takes.

use axum::http::Method;

use crate::model::{Foreign, Kind};

/// What a path stands for.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) enum Endpoint {
    Information,
    Status,
    Robots,
    RouteTest,
    Metrics,
    Endpoints,
    /// `/openapi.json`
    Description,
    EnabledPlugins,
    PluginConfigSchema,
    PluginSchema,
    ValidatePlugin,
    EntitySchema,
    ValidateEntity,
    Declarative,
    /// The JSON Schema of a declarative file.
    DeclarativeSchema,
    Tags,
    Tag,
    Workspaces,
    Workspace,
    ConsumerGroups,
    ConsumerGroup,
    /// Which consumers are in a group.
    Members,
    Member,
    /// Which groups a consumer is in.
    Memberships,
    Membership,
    Targets,
    AllTargets,
    Target,
    TargetHealth,
    UpstreamHealth,
    VaultSchema,
    ValidateVault,
    FilterSchema,
    Cache,
    CacheKey,
    LogLevel,
    SetLogLevel,
    SetAllLogLevels,
    Timers,
    DnsStatus,
    /// Exists in Kong, and answers 404 there.
    Disabled,
    /// Filters of proxy-wasm, as in a Kong that has them switched off.
    Filters,
    /// What a control plane of Kong knows.
    Clustering,
    AdminTokens,
    AdminToken,
    /// Calls that were written down.
    AuditRequests,
    /// What they changed.
    AuditObjects,
    CustomPlugins,
    CustomPlugin,
    CustomPluginVersions,
    CustomPluginVersion,
    CustomPluginPackages,
    CustomPluginLogs,
    /// `/services`
    Collection(&'static Kind),
    /// `/services/{services}`
    Entity(&'static Kind),
    /// `/routes/{routes}/service`
    Parent {
        child: &'static Kind,
        foreign: Foreign,
    },
    /// `/services/{services}/routes`
    Children {
        parent: &'static Kind,
        foreign: Foreign,
        kind: &'static Kind,
    },
    /// `/services/{services}/routes/{routes}`
    Child {
        parent: &'static Kind,
        foreign: Foreign,
        kind: &'static Kind,
    },
}

const READ: &[Method] = &[Method::GET];
const WRITE: &[Method] = &[Method::POST];
const LIST: &[Method] = &[Method::GET, Method::POST];
const ONE: &[Method] = &[Method::DELETE, Method::GET, Method::PATCH, Method::PUT];
const CHANGE: &[Method] = &[Method::DELETE, Method::GET, Method::PATCH];
const REMOVE: &[Method] = &[Method::DELETE, Method::GET];
const MEMBERS: &[Method] = &[Method::DELETE, Method::GET, Method::POST];
const ALL: &[Method] = &[Method::DELETE, Method::GET, Method::PATCH, Method::POST, Method::PUT];

impl Endpoint {
    /// The methods that are implemented, in alphabetical order, without HEAD and OPTIONS.
    pub(in crate::admin) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Information
            | Self::Status
            | Self::Robots
            | Self::RouteTest
            | Self::Metrics
            | Self::Endpoints
            | Self::Description
            | Self::EnabledPlugins
            | Self::PluginConfigSchema
            | Self::PluginSchema
            | Self::EntitySchema
            | Self::DeclarativeSchema
            | Self::CustomPluginVersions
            | Self::CustomPluginPackages
            | Self::CustomPluginLogs
            | Self::Workspaces
            | Self::Workspace
            | Self::AllTargets
            | Self::UpstreamHealth
            | Self::VaultSchema
            | Self::FilterSchema
            | Self::LogLevel
            | Self::Timers
            | Self::DnsStatus
            | Self::AuditRequests
            | Self::AuditObjects
            | Self::Clustering => READ,
            Self::ValidatePlugin | Self::ValidateEntity | Self::ValidateVault => WRITE,
            Self::Declarative
            | Self::AdminTokens
            | Self::CustomPlugins
            | Self::ConsumerGroups
            | Self::Tags
            | Self::Targets
            | Self::Collection(_)
            | Self::Children { .. } => LIST,
            Self::Members | Self::Memberships => MEMBERS,
            Self::CustomPlugin => CHANGE,
            Self::AdminToken
            | Self::CustomPluginVersion
            | Self::Member
            | Self::Membership
            | Self::CacheKey => REMOVE,
            Self::Cache => &[Method::DELETE],
            Self::TargetHealth | Self::SetLogLevel | Self::SetAllLogLevels => &[Method::PUT],
            Self::Disabled | Self::Filters => ALL,
            Self::Tag
            | Self::ConsumerGroup
            | Self::Target
            | Self::Entity(_)
            | Self::Parent { .. }
            | Self::Child { .. } => ONE,
        }
    }
}
