//! Every setting there is: its name, its default, its unit and its meaning.
//!
//! `docs/configuration.md` holds the same rows; a test compares the two.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// In the file as written here, in the environment in capitals after `WEIR_`.
    pub name: &'static str,
    /// In the form in which it would be written.
    pub default: &'static str,
    /// Of a bare number, or what kind of text it is.
    pub unit: &'static str,
    /// For the reader of `docs/configuration.md`.
    pub meaning: &'static str,
    /// Whether Kong has it too, so that `KONG_` works as well.
    pub kong: bool,
    /// Kong's other names for it.
    pub aliases: &'static [&'static str],
    /// Never shown; may be given as a file by a variable with `_FILE` at its end.
    pub secret: bool,
}

const fn kongs(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, unit, meaning, kong: true, aliases: &[], secret: false }
}

const fn ours(
    name: &'static str,
    default: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, unit, meaning, kong: false, aliases: &[], secret: false }
}

impl Setting {
    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The setting called `name`, by its own name or by another of Kong's.
    pub fn find(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name || setting.aliases.contains(&name))
    }

    /// The row of this setting in `docs/configuration.md`.
    pub fn row(&self) -> String {
        let default = if self.default.is_empty() { String::new() } else { format!("`{}`", self.default) };
        let kong = if self.kong || !self.aliases.is_empty() { "yes" } else { "" };
        format!("| `{}` | {default} | {} | {kong} | {} |", self.name, self.unit, self.meaning)
    }
}

/// All settings, in the order of the page.
pub static SETTINGS: &[Setting] = &[
    kongs(
        "prefix",
        ".weir",
        "path",
        "Working folder: SQLite file, artifact cache, last good configuration, logs",
    ),
    kongs("node_id", "", "UUID", "Name of this node; empty makes one and keeps it below the prefix"),
    ours(
        "user",
        "",
        "name",
        "Whom a process becomes that is started as root, `name` or `name group`; empty: it stays root",
    )
    .also(&["nginx_user", "nginx_main_user"]),
    ours(
        "confinement",
        "on",
        "word",
        "Landlock and seccomp for the process itself: `on` as far as the kernel can, `required` or no start, `off`",
    ),
    ours("workers", "auto", "count", "Threads of the data plane; `auto` is one a core")
        .also(&["nginx_worker_processes", "nginx_main_worker_processes"]),
    kongs(
        "log_level",
        "notice",
        "word",
        "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`",
    ),
    ours("log_format", "json", "word", "Of the gateway's own log on standard error: `json` or `text`"),
    ours(
        "grace_period",
        "30",
        "s",
        "How long running requests may take to finish after SIGTERM, SIGQUIT or SIGINT",
    ),
    kongs("proxy_listen", "0.0.0.0:8000", "listeners", "Where requests come in"),
    kongs(
        "admin_listen",
        "127.0.0.1:8001",
        "listeners",
        "Where the Admin API answers; beyond loopback only with TLS and `admin_auth`",
    ),
    ours(
        "admin_listen_unprotected",
        "off",
        "list",
        "What an Admin API that other machines reach may do without, since something else protects it: `tls`, `auth`, or `off`",
    ),
    ours(
        "admin_auth",
        "",
        "list",
        "How callers of the Admin API prove who they are: `token`, `mtls`, or `off`; empty: `token` if `admin_token` is set, `mtls` if `admin_ssl_client_ca` is",
    ),
    ours(
        "admin_token",
        "",
        "text",
        "A token with the role `admin` that needs no database, 20 characters or more; others are made with `weir token create`",
    )
    .secret(),
    ours(
        "admin_hosts",
        "",
        "list",
        "Names beside `localhost`, addresses and names without a dot that callers may know the Admin API by while `admin_auth` is off",
    ),
    kongs(
        "admin_gui_url",
        "",
        "list",
        "URLs of web interfaces whose pages may use the Admin API from a browser",
    ),
    kongs(
        "audit_log",
        "on",
        "word",
        "Whether the Admin API writes down who changed what: `on` refuses a change that cannot be written down, `best-effort` makes it all the same, `off`",
    ),
    kongs("audit_log_record_ttl", "2592000", "s", "How long a record of the audit log is kept; `0` is no limit"),
    ours("audit_log_max_records", "1000000", "count", "Records of the audit log that are kept, the newest; `0` is no limit"),
    kongs(
        "status_listen",
        "127.0.0.1:8100",
        "listeners",
        "Where `/status`, `/status/ready` and `/metrics` answer",
    ),
    kongs("database", "sqlite", "word", "`sqlite`, `postgres`, or `off`: kept in memory, lost at the end"),
    ours(
        "database_url",
        "",
        "URL",
        "`postgres://user:password@host:port/database`, in place of the `pg_` settings",
    )
    .secret(),
    kongs("pg_host", "127.0.0.1", "host", "Where PostgreSQL is"),
    kongs("pg_port", "5432", "port", "Its port"),
    kongs("pg_user", "kong", "name", "Who we are to it"),
    kongs("pg_password", "", "text", "And how we prove it").secret(),
    kongs("pg_database", "kong", "name", "The database there"),
    kongs("pg_ssl", "off", "switch", "Whether to encrypt the connection"),
    kongs("pg_ssl_verify", "off", "switch", "Whether to check its certificate"),
    ours(
        "encryption_keys",
        "",
        "list",
        "Keys that secrets are sealed with where they are kept, as `id:key` with 32 bytes in base64 or the absolute path of a file; the first seals, all of them open",
    )
    .secret(),
    ours(
        "vault_files",
        "/run/secrets",
        "list",
        "Folders and files that `{vault://file/…}` references may name",
    ),
    kongs(
        "vault_env_prefix",
        "",
        "text",
        "Before the names of environment variables that `{vault://env/…}` references name",
    ),
    ours("migrate", "", "word", "`auto` or `command`; empty is `auto` on SQLite and `command` on PostgreSQL"),
    ours("redis_host", "", "host", "Where nodes share what plugins count and keep; empty is the database"),
    ours("redis_port", "6379", "port", "Its port"),
    ours("redis_username", "", "name", "Who we are to it; empty is its default user"),
    ours("redis_password", "", "text", "And how we prove it").secret(),
    ours("redis_database", "0", "number", "The database there"),
    ours("redis_ssl", "off", "switch", "Whether to encrypt the connection"),
    ours("redis_ssl_verify", "off", "switch", "Whether to check its certificate"),
    ours(
        "redis_timeout",
        "2000",
        "ms",
        "How long a call of a plugin waits for it; then it is asked again after a second",
    ),
    kongs(
        "proxy_access_log",
        "logs/access.log",
        "path",
        "One JSON line a request; below the prefix unless absolute, `/dev/stdout`, or `off`",
    ),
    kongs(
        "headers",
        "server_tokens, latency_tokens, x-kong-request-id",
        "list",
        "What to add to responses: these, `Via`, `Server`, `X-Kong-Proxy-Latency`, `X-Kong-Response-Latency`, `X-Kong-Upstream-Latency`, `X-Kong-Upstream-Status`, or `off`",
    ),
    kongs(
        "headers_upstream",
        "x-kong-request-id",
        "list",
        "What to add to requests: `x-kong-request-id` or `off`",
    ),
    ours(
        "server_timing",
        "",
        "list",
        "Who gets a `Server-Timing` header with the time of each plugin: addresses, ranges and usernames of consumers",
    ),
    kongs("trusted_ips", "", "list", "Addresses and ranges whose forwarding headers are believed"),
    kongs(
        "real_ip_header",
        "X-Real-IP",
        "header",
        "Where a trusted peer says who the client is; `X-Forwarded-For` is read from its right end",
    ),
    kongs("real_ip_recursive", "off", "switch", "Whether to skip trusted addresses in that header"),
    ours(
        "max_connections",
        "16384",
        "count",
        "Client connections of the whole process; more wait in the listen queue",
    ),
    ours(
        "client_header_timeout",
        "15",
        "s",
        "From the first byte of a request, or from connecting, to the end of its head",
    )
    .also(&["nginx_http_client_header_timeout", "nginx_proxy_client_header_timeout"]),
    ours("client_body_timeout", "60", "s", "Between two reads of a request body")
        .also(&["nginx_http_client_body_timeout", "nginx_proxy_client_body_timeout"]),
    ours("client_send_timeout", "60", "s", "Between two writes of a response that the client does not take")
        .also(&["nginx_http_send_timeout", "nginx_proxy_send_timeout"]),
    ours("client_keepalive_timeout", "75", "s", "How long a client connection may be idle between requests")
        .also(&["nginx_http_keepalive_timeout", "nginx_proxy_keepalive_timeout"]),
    ours("client_max_headers", "100", "count", "Header lines of a request; more is 431"),
    ours("client_max_header_size", "64k", "bytes", "All header lines of a request together; more is 431"),
    ours("client_max_header_line_size", "32k", "bytes", "One header line of a request; more is 431"),
    ours("client_max_uri_size", "16k", "bytes", "The target in a request line; more is 414"),
    ours("client_max_body_size", "0", "bytes", "A request body; more is 413, `0` is no limit")
        .also(&["nginx_http_client_max_body_size", "nginx_proxy_client_max_body_size"]),
    kongs(
        "upstream_keepalive_pool_size",
        "512",
        "count",
        "Idle connections kept to upstreams by each worker; `0` keeps none",
    ),
    kongs(
        "upstream_keepalive_max_requests",
        "10000",
        "count",
        "Requests on one upstream connection; `0` is no limit",
    ),
    kongs(
        "upstream_keepalive_idle_timeout",
        "60",
        "s",
        "How long an upstream connection may be idle; `0` is no limit",
    ),
    ours("plugin_memory_mib", "256", "MiB", "Memory of one plugin instance; an assignment may ask for less"),
    ours("plugin_instances", "1000", "count", "Plugin instances that may be alive at once"),
    ours(
        "plugin_body_max_size",
        "1m",
        "bytes",
        "A body that is held for plugins that want it whole; a longer request is 413",
    ),
    ours("plugin_body_memory", "64m", "bytes", "All bodies that each worker holds for plugins at once"),
    ours("plugin_component_max_size", "32m", "bytes", "A component that is uploaded"),
    ours(
        "plugin_log_folders",
        "/var/log",
        "list",
        "Folders or files outside of the prefix that plugins may be granted to log to",
    ),
    ours(
        "plugin_compile_time",
        "60",
        "s",
        "Processor time to compile a component; it may wait as long again",
    ),
    ours(
        "wasi_http_functions",
        "off",
        "word",
        "Whether components for `wasi:http` 0.2 may be uploaded that answer in place of an upstream: `on` or `off`",
    ),
    ours(
        "plugin_signatures",
        "off",
        "word",
        "What is asked of uploaded components: `require` a signature by a trusted key, `warn` without one, or `off`",
    ),
    ours(
        "plugin_trusted_keys",
        "",
        "list",
        "Ed25519 public keys: paths of PEM files, or `ed25519:` and 32 bytes in base64",
    ),
    ours(
        "plugin_registries",
        "",
        "list",
        "OCI registries that components may be pulled from, as `host[:port]`; `http://` before one asks it without TLS",
    ),
    ours(
        "plugin_registry_credentials",
        "",
        "path",
        "Their passwords, in a file of the form of Docker's `config.json`",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeSet::new();
        for setting in SETTINGS {
            for name in setting.aliases.iter().chain([&setting.name]) {
                assert!(seen.insert(name), "{name} twice");
            }
        }
    }

    #[test]
    fn the_page_has_the_row_of_every_setting() {
        let page = include_str!("../../../docs/configuration.md");
        let missing: Vec<_> =
            SETTINGS.iter().map(Setting::row).filter(|row| !page.lines().any(|line| line == row)).collect();
        assert!(missing.is_empty(), "docs/configuration.md lacks these rows:\n{}", missing.join("\n"));
    }
}
