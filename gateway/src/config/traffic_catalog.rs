//! The settings of requests and of plugins: the second half of the catalog.

use super::setting::{Setting, kongs, ours};

/// In the order of the page.
pub(super) const TRAFFIC: &[Setting] = &[
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
        "router_flavor",
        "traditional_compatible",
        "word",
        "How routes are written: `traditional_compatible`; `traditional`, which differs in `path_handling` only; `expressions`, which adds `expression` and `priority`",
    ),
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
        "Client connections of the whole process; more are answered 503 and closed",
    ),
    ours(
        "max_udp_sessions",
        "4096",
        "count",
        "Clients of the whole process that streams of UDP are kept for; what others send is dropped",
    ),
    ours(
        "max_memory",
        "0",
        "bytes",
        "Memory of the whole process beyond which requests are answered 503; `0` is no limit",
    ),
    ours(
        "max_queue_time",
        "1000",
        "ms",
        "How long work may wait for its turn in a worker before requests are answered 503; 20 keeps answers quick \
         under any load, `0` is no limit",
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
    ours(
        "client_body_min_rate",
        "256",
        "bytes/s",
        "Of a request body, once its client has been waited for 30 s; a slower one is broken off, `0` is no limit",
    ),
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
    ours(
        "upstream_keepalive_min_idle",
        "0",
        "count",
        "Idle connections that each worker keeps open to each place that routes lead to, before a request needs one",
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
    ours(
        "retry_budget_percent",
        "20",
        "percent",
        "Attempts that may be made again and fail, of the requests of a route; `0` is no limit",
    ),
    ours(
        "retry_budget_floor",
        "10",
        "count/s",
        "Attempts that may be made again beside those, for each route and worker",
    ),
    ours(
        "outlier_consecutive_errors",
        "0",
        "count",
        "Answers of 5xx or none at all, one after the other, after which a target is left alone for a time; `0` is never",
    ),
    ours(
        "outlier_consecutive_gateway_errors",
        "0",
        "count",
        "The same of 502, 503, 504 or no answer alone; `0` is never",
    ),
    ours(
        "outlier_ejection_time",
        "5",
        "s",
        "How long a target is left alone the first time; each further time is longer by as much",
    ),
    ours("outlier_max_ejection_time", "300", "s", "How long at most"),
    ours(
        "outlier_max_ejection_percent",
        "50",
        "percent",
        "How many addresses of an upstream may be left alone at once, but always one; the last that works is not unless this is 100",
    ),
    kongs(
        "lua_ssl_trusted_certificate",
        "system",
        "list",
        "Whose word on upstreams is taken: paths of PEM files, and `system` for the authorities of the system",
    ),
    ours(
        "upstream_tls_verify",
        "off",
        "switch",
        "Whether certificates of upstreams are checked if a service leaves it open",
    )
    .also(&["nginx_proxy_proxy_ssl_verify", "nginx_http_proxy_ssl_verify"]),
    ours(
        "upstream_tls_verify_depth",
        "1",
        "count",
        "Certificates between an upstream's own and a root if a service leaves it open, 0 to 6",
    )
    .also(&["nginx_proxy_proxy_ssl_verify_depth", "nginx_http_proxy_ssl_verify_depth"]),
    kongs(
        "client_ssl",
        "off",
        "switch",
        "Whether upstreams that ask are shown the certificate of the next two settings if a service names none",
    ),
    kongs("client_ssl_cert", "", "path", "The certificate and its chain, in PEM"),
    kongs("client_ssl_cert_key", "", "path", "Its key, in PEM"),
    kongs(
        "dns_resolver",
        "",
        "addresses",
        "Servers to ask for names, `address[:port]`, with commas between; empty: those of `/etc/resolv.conf`",
    ),
    kongs("dns_hostsfile", "/etc/hosts", "path", "Names that are known without asking"),
    kongs(
        "dns_order",
        "LAST,SRV,A,AAAA,CNAME",
        "words",
        "Types of record in the order in which they are asked for; `LAST` is the one that had an answer before",
    ),
    kongs("dns_valid_ttl", "", "s", "How long an answer is good for, in place of what it says itself"),
    kongs("dns_stale_ttl", "3600", "s", "How long an old answer stays in use while no server answers"),
    kongs("dns_not_found_ttl", "30", "s", "Until a name that does not exist is asked for again"),
    kongs("dns_error_ttl", "1", "s", "Until a name is asked for again that no server could answer"),
    kongs(
        "dns_cache_size",
        "10000",
        "count",
        "Names that plugins may bring up before unused ones are dropped",
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
