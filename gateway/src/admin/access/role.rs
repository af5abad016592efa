//! Roles: which endpoints each may use, and how.

use axum::http::Method;

use crate::admin::paths::Endpoint;
use crate::model::ADMIN_ROLES;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Role {
    /// Sees everything but secrets, and changes nothing.
    ReadOnly,
    /// Uploads plugins and reads schemas.
    PluginAuthor,
    /// Changes entities.
    Operator,
    /// Everything, tokens and the audit log included.
    Admin,
}

const ROLES: [Role; 4] = [Role::ReadOnly, Role::PluginAuthor, Role::Operator, Role::Admin];

/// What an endpoint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    /// The node and what it can do.
    Node,
    /// Schemas, and whether something would fit them.
    Schemas,
    /// Entities.
    Entities,
    /// All entities at once, secrets included.
    Whole,
    /// What the node kept in memory, and figures of all traffic.
    Inside,
    /// Components.
    Plugins,
    /// What components say.
    Logs,
    /// Tokens and the audit log.
    Access,
}

impl Role {
    /// The role of this name.
    pub(in crate::admin) fn named(name: &str) -> Option<Self> {
        ADMIN_ROLES.iter().zip(ROLES).find(|(known, _)| **known == name).map(|(_, role)| role)
    }

    /// Its name.
    pub(in crate::admin) fn name(self) -> &'static str {
        ADMIN_ROLES.iter().zip(ROLES).find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// Whether the role may use the endpoint so. A caller whose sight is limited to some entities may not
    /// use what is about all of them.
    pub(in crate::admin) fn may(self, method: &Method, endpoint: &Endpoint, is_scoped: bool) -> bool {
        let area = area(endpoint);
        let reads = *method == Method::GET || *method == Method::HEAD;
        if is_scoped && matches!(area, Area::Whole | Area::Inside | Area::Logs | Area::Access) {
            return false;
        }
        match self {
            Self::Admin => true,
            Self::Operator => match area {
                Area::Node | Area::Schemas | Area::Entities | Area::Whole | Area::Inside => true,
                Area::Plugins | Area::Logs => reads,
                Area::Access => false,
            },
            Self::PluginAuthor => match area {
                Area::Schemas | Area::Plugins | Area::Logs => true,
                Area::Node => reads,
                Area::Entities | Area::Whole | Area::Inside | Area::Access => false,
            },
            Self::ReadOnly => match area {
                Area::Node | Area::Schemas | Area::Entities | Area::Plugins | Area::Inside => reads,
                Area::Whole | Area::Logs | Area::Access => false,
            },
        }
    }
}

fn area(endpoint: &Endpoint) -> Area {
    match endpoint {
        Endpoint::Information
        | Endpoint::Status
        | Endpoint::Robots
        | Endpoint::Endpoints
        | Endpoint::Description
        | Endpoint::EnabledPlugins
        | Endpoint::LogLevel
        | Endpoint::Timers
        | Endpoint::DnsStatus
        | Endpoint::Clustering => Area::Node,
        Endpoint::PluginConfigSchema
        | Endpoint::PluginSchema
        | Endpoint::ValidatePlugin
        | Endpoint::EntitySchema
        | Endpoint::ValidateEntity
        | Endpoint::DeclarativeSchema
        | Endpoint::VaultSchema
        | Endpoint::ValidateVault
        | Endpoint::FilterSchema => Area::Schemas,
        Endpoint::Declarative => Area::Whole,
        Endpoint::Metrics
        | Endpoint::RouteTest
        | Endpoint::SetLogLevel
        | Endpoint::SetAllLogLevels
        | Endpoint::Cache
        | Endpoint::CacheKey => Area::Inside,
        Endpoint::CustomPlugins
        | Endpoint::CustomPlugin
        | Endpoint::CustomPluginVersions
        | Endpoint::CustomPluginVersion
        | Endpoint::CustomPluginPackages => Area::Plugins,
        Endpoint::CustomPluginLogs => Area::Logs,
        Endpoint::AdminTokens | Endpoint::AdminToken | Endpoint::AuditRequests | Endpoint::AuditObjects => {
            Area::Access
        }
        Endpoint::Tags
        | Endpoint::Tag
        | Endpoint::Workspaces
        | Endpoint::Workspace
        | Endpoint::ConsumerGroups
        | Endpoint::ConsumerGroup
        | Endpoint::Members
        | Endpoint::Member
        | Endpoint::Memberships
        | Endpoint::Membership
        | Endpoint::Targets
        | Endpoint::AllTargets
        | Endpoint::Target
        | Endpoint::TargetHealth
        | Endpoint::UpstreamHealth
        | Endpoint::Disabled
        | Endpoint::Filters
        | Endpoint::Collection(_)
        | Endpoint::Entity(_)
        | Endpoint::Parent { .. }
        | Endpoint::Children { .. }
        | Endpoint::Child { .. } => Area::Entities,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::paths::{patterns, resolve};

    /// What each role may do, as letters: `r` reads, `w` writes, `-` neither; of a token with a scope
    /// behind the slash.
    #[test]
    fn each_role_has_its_endpoints() {
        for (path, read_only, author, operator, admin) in [
            ("/", "r/r", "r/r", "rw/rw", "rw/rw"),
            ("/services", "r/r", "-/-", "rw/rw", "rw/rw"),
            ("/consumers/x/key-auth/y", "r/r", "-/-", "rw/rw", "rw/rw"),
            ("/tags", "r/r", "-/-", "rw/rw", "rw/rw"),
            ("/schemas/plugins/x", "r/r", "rw/rw", "rw/rw", "rw/rw"),
            ("/custom-plugins", "r/r", "rw/rw", "r/r", "rw/rw"),
            ("/custom-plugins/x/logs", "-/-", "rw/-", "r/-", "rw/-"),
            ("/metrics", "r/-", "-/-", "rw/-", "rw/-"),
            ("/cache", "r/-", "-/-", "rw/-", "rw/-"),
            ("/config", "-/-", "-/-", "rw/-", "rw/-"),
            ("/admin-tokens", "-/-", "-/-", "-/-", "rw/-"),
            ("/admin-tokens/x", "-/-", "-/-", "-/-", "rw/-"),
            ("/audit/requests", "-/-", "-/-", "-/-", "rw/-"),
            ("/audit/objects", "-/-", "-/-", "-/-", "rw/-"),
        ] {
            let endpoint = resolve(path).unwrap().0;
            let letters = |role: Role, is_scoped| {
                let reads = role.may(&Method::GET, &endpoint, is_scoped);
                let writes = role.may(&Method::POST, &endpoint, is_scoped);
                match (reads, writes) {
                    (true, true) => "rw",
                    (true, false) => "r",
                    (false, false) => "-",
                    (false, true) => "w",
                }
            };
            for (role, want) in ROLES.into_iter().zip([read_only, author, operator, admin]) {
                let found = format!("{}/{}", letters(role, false), letters(role, true));
                assert_eq!(found, want, "{path} as {role:?}");
            }
        }
    }

    #[test]
    fn a_reader_writes_nowhere() {
        for pattern in patterns() {
            let (endpoint, _) = resolve(pattern).unwrap();
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(!Role::ReadOnly.may(&method, &endpoint, false), "{method} {pattern}");
            }
        }
    }

    #[test]
    fn roles_have_names() {
        for role in ROLES {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
    }
}
