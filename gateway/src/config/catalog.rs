//! Every setting there is: its name, its default, its unit and its meaning.
//!
//! `docs/configuration.md` holds the same rows; a test compares the two.

use super::setting::{Setting, kongs, ours};
use super::traffic_catalog::TRAFFIC;

/// All settings, in the order of the page.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    NODE.iter().chain(TRAFFIC)
}

/// Settings of the node and of what it keeps, in the order of the page.
const NODE: &[Setting] = &[
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
    ours(
        "core_dumps",
        "off",
        "switch",
        "Whether the process may write core dumps and be traced: both show the secrets in its memory",
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
    kongs(
        "proxy_listen",
        "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384",
        "listeners",
        "Where requests come in",
    ),
    kongs(
        "stream_listen",
        "off",
        "listeners",
        "Where streams of TCP, TLS (`ssl`) and UDP (`udp`) come in, see `docs/streams.md`",
    ),
    kongs(
        "ssl_cert",
        "",
        "list",
        "Certificates for clients whose name no SNI fits, with their chains: paths, PEM, or PEM in base64; empty: one is made in `ssl` below the prefix",
    ),
    kongs("ssl_cert_key", "", "list", "Their keys, in the same order").secret(),
    kongs(
        "ssl_cipher_suite",
        "intermediate",
        "word",
        "`modern` (TLS 1.3 alone), `intermediate`, `old` (the same here), `fips` (without ChaCha20) or `custom`",
    ),
    kongs("ssl_ciphers", "", "list", "For `custom`: OpenSSL's names of ciphers of TLS 1.2, separated by `:`"),
    kongs("ssl_protocols", "TLSv1.2 TLSv1.3", "list", "Versions of TLS; those before 1.2 are passed over"),
    kongs(
        "ssl_session_tickets",
        "on",
        "switch",
        "Whether clients may take a session up again, on any worker of this node; there is no other way",
    ),
    kongs("ssl_session_timeout", "1d", "s", "For how long, at most 12 hours"),
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
        "word",
        "How callers of the Admin API prove who they are: `token`, `mtls`, both in a list, or `off`; empty: `token` if `admin_token` is set, and `mtls` if `admin_ssl_client_ca` is",
    ),
    ours(
        "admin_token",
        "",
        "text",
        "A token with the role `admin` that needs no database, 20 characters or more; others are made with `weir token create`",
    )
    .secret(),
    kongs(
        "admin_ssl_cert",
        "",
        "list",
        "Certificates of the Admin API where `admin_listen` says `ssl`, as in `ssl_cert`; empty: the one that is made",
    ),
    kongs("admin_ssl_cert_key", "", "list", "Their keys, in the same order").secret(),
    ours(
        "admin_ssl_client_ca",
        "",
        "list",
        "Authorities whose word on callers of the Admin API is taken: paths, PEM, or PEM in base64",
    ),
    ours(
        "admin_ssl_client_roles",
        "",
        "list",
        "Roles of the holders of certificates, by the common name of the subject: `ops=admin,*=read-only`; who is not in it is nobody",
    ),
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
    kongs(
        "database",
        "sqlite",
        "word",
        "`sqlite`, `postgres`, or `off`: a declarative file fills the gateway, see `docs/declarative.md`",
    ),
    kongs("declarative_config", "", "path", "The declarative file to begin with, where `database` is `off`"),
    kongs("declarative_config_string", "", "text", "The same as a text").secret(),
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
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeSet::new();
        for setting in settings() {
            for name in setting.aliases.iter().chain([&setting.name]) {
                assert!(seen.insert(name), "{name} twice");
            }
        }
    }

    #[test]
    fn the_page_has_the_row_of_every_setting() {
        let page = include_str!("../../../docs/configuration.md");
        let missing: Vec<_> =
            settings().map(Setting::row).filter(|row| !page.lines().any(|line| line == row)).collect();
        assert!(missing.is_empty(), "docs/configuration.md lacks these rows:\n{}", missing.join("\n"));
    }
}
