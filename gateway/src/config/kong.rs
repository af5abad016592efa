//! Kong's settings that the gateway does not use: known, so that a Kong environment starts as it is.
//!
//! Most of them change nothing that a caller could see and are passed over with one notice. A few
//! would silently mean another gateway than the operator asked for: those are refused.

use super::Setting;

/// Names that Kong has beside the families below.
const NAMES: &[&str] = &[
    "admin_access_log",
    "admin_api_uri",
    "admin_error_log",
    "allow_debug_header",
    "anonymous_reports",
    "client_body_buffer_size",
    "data_plane_config_cache_mode",
    "db_cache_neg_ttl",
    "db_cache_ttl",
    "db_cache_warmup_entities",
    "db_resurrect_ttl",
    "db_update_frequency",
    "db_update_propagation",
    "dedicated_config_processing",
    "dns_no_sync",
    "error_default_type",
    "host_ports",
    "http_proxy",
    "konnect_mode",
    "legacy_worker_events",
    "mem_cache_size",
    "new_dns_client",
    "pg_backlog",
    "pg_keepalive_timeout",
    "pg_pool_size",
    "pg_timeout",
    "pg_max_concurrent_queries",
    "pg_schema",
    "pg_semaphore_timeout",
    "pg_ssl_cert",
    "pg_ssl_cert_key",
    "pg_ssl_required",
    "pg_ssl_version",
    "plugins",
    "port_maps",
    "privileged_agent",
    "proxy_error_log",
    "proxy_server",
    "proxy_server_ssl_verify",
    "proxy_stream_access_log",
    "proxy_stream_error_log",
    "status_access_log",
    "status_error_log",
    "status_gui_access_log",
    "vaults",
    "worker_consistency",
    "worker_state_update_frequency",
    "license_path",
    "license_data",
    "password",
    "allow_inconsistent_data_plane_plugins",
];

/// Beginnings of names that no setting of ours shares.
const FAMILIES: &[&str] = &[
    "admin_gui_access_log",
    "admin_gui_api_url",
    "admin_gui_auth",
    "admin_gui_csp_",
    "admin_gui_error_log",
    "admin_gui_header_",
    "admin_gui_listen",
    "admin_gui_path",
    "admin_gui_session_",
    "admin_gui_ssl_",
    "admin_ssl_",
    "ai_",
    "audit_log_ignore_",
    "audit_log_payload_",
    "audit_log_signing_key",
    "cluster_",
    "debug_",
    "enforce_",
    "error_template_",
    "event_hooks_",
    "incremental_sync",
    "keyring_",
    "lmdb_",
    "lua_",
    "nginx_",
    "opentelemetry_",
    "pg_iam_",
    "pg_ro_",
    "pluginserver_",
    "portal",
    "rbac",
    "request_debug",
    "resolver_",
    "smtp_",
    "ssl_",
    "status_ssl_",
    "stream_",
    "tracing_",
    "untrusted_lua",
    "vault_aws",
    "vault_azure",
    "vault_conjur",
    "vault_gcp",
    "vault_hcv",
    "vitals",
    "wasm",
];

/// What a name means to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Kong has it, and it has no effect here.
    NoEffect,
    /// Kong has it, and passing over this value would mislead.
    Refused(&'static str),
    /// Not one of Kong's names.
    Unknown,
}

/// What Kong's setting `name` with `value` means to us.
pub(super) fn meaning(name: &str, value: &str) -> Meaning {
    match (name, value.trim()) {
        _ if Setting::find(name).is_some() => Meaning::Unknown,
        ("role", "traditional") => Meaning::NoEffect,
        ("role", _) => Meaning::Refused("only the role 'traditional' is supported yet"),
        _ if NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)) => {
            Meaning::NoEffect
        }
        _ => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use super::*;

    #[test]
    fn a_kong_environment_is_known() {
        for name in
            ["nginx_http_lua_shared_dict", "lua_package_path", "plugins", "admin_gui_listen", "ssl_dhparam"]
        {
            assert_eq!(meaning(name, "x"), Meaning::NoEffect, "{name}");
        }
        assert!(matches!(meaning("role", "data_plane"), Meaning::Refused(_)));
        assert_eq!(meaning("role", "traditional"), Meaning::NoEffect);
        assert_eq!(meaning("proxy_lissen", "x"), Meaning::Unknown);
    }

    #[test]
    fn no_setting_of_ours_is_passed_over() {
        for setting in settings() {
            assert_eq!(meaning(setting.name, ""), Meaning::Unknown, "{}", setting.name);
        }
    }
}
