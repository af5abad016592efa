//! Settings of the data plane.

use std::path::Path;
use std::time::Duration;

use http::HeaderName;

use super::{size, some_seconds, upstreams, word};
use crate::config::reader::Reader;
use crate::config::settings::{
    AccessLogTarget, Caller, HeaderToken, HeldBodies, ProxySettings, RouterFlavor,
};
use crate::config::{AddressRange, units};

pub(super) fn read(reader: &mut Reader, prefix: &Path) -> ProxySettings {
    ProxySettings {
        access_log: reader.read("proxy_access_log", |text| access_log(text, prefix)),
        headers: reader.read("headers", headers),
        request_id_upstream: reader.read("headers_upstream", headers_upstream),
        server_timing: reader.read("server_timing", |text| Ok(callers(text))),
        trusted_ips: reader.read("trusted_ips", trusted_ips),
        router_flavor: reader.read("router_flavor", |text| word(text, &RouterFlavor::ALL)),
        real_ip_header: reader
            .read("real_ip_header", |text| {
                HeaderName::try_from(text).map(Some).map_err(|_| "allowed: the name of a header".to_owned())
            })
            .unwrap_or(http::header::FORWARDED),
        real_ip_recursive: reader.read("real_ip_recursive", units::switch),
        max_connections: reader.read("max_connections", |text| number(text, 1)),
        max_udp_sessions: reader.read("max_udp_sessions", |text| number(text, 1)),
        max_memory: reader.read("max_memory", |text| Ok(no_limit(units::bytes(text)?))),
        max_queue_time: reader.read("max_queue_time", |text| {
            Ok(Some(units::time(text, Duration::from_millis(1))?).filter(|time| !time.is_zero()))
        }),
        client_header_timeout: reader.read("client_header_timeout", some_seconds),
        client_body_timeout: reader.read("client_body_timeout", some_seconds),
        client_body_min_rate: reader
            .read("client_body_min_rate", |text| Ok(no_limit(units::count(text, 0, u32::MAX.into())?))),
        client_send_timeout: reader.read("client_send_timeout", some_seconds),
        client_keepalive_timeout: reader.read("client_keepalive_timeout", some_seconds),
        client_max_headers: reader.read("client_max_headers", |text| number(text, 1)),
        client_max_header_size: reader.read("client_max_header_size", at_least_1k),
        client_max_header_line_size: reader.read("client_max_header_line_size", at_least_1k),
        client_max_uri_size: reader.read("client_max_uri_size", at_least_1k),
        client_max_body_size: reader.read("client_max_body_size", |text| Ok(no_limit(units::bytes(text)?))),
        upstream_keepalive: upstreams::keepalive(reader),
        retry_budget: upstreams::retry_budget(reader),
        held_bodies: HeldBodies {
            max_size: reader.read("plugin_body_max_size", size),
            memory: reader.read("plugin_body_memory", size),
        },
    }
}

/// Kong's and nginx's 0.
pub(super) fn no_limit(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number != 0)
}

pub(super) fn number(text: &str, least: u64) -> Result<usize, String> {
    let number = units::count(text, least, 10_000_000)?;
    usize::try_from(number).map_err(|error| error.to_string())
}

/// Less would refuse ordinary requests.
fn at_least_1k(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    if (1024..=16 << 20).contains(&bytes) { Ok(bytes) } else { Err("allowed: 1k to 16m".to_owned()) }
}

fn access_log(text: &str, prefix: &Path) -> Result<AccessLogTarget, String> {
    match text {
        "off" | "false" => Ok(AccessLogTarget::Off),
        "/dev/stdout" => Ok(AccessLogTarget::Stdout),
        "/dev/stderr" => Ok(AccessLogTarget::Stderr),
        "" => Err("allowed: a path, /dev/stdout, /dev/stderr or off".to_owned()),
        // nginx takes a format after the path; ours has one format.
        path if path.contains(' ') => {
            Err("allowed: a path without spaces, and no format after it".to_owned())
        }
        path => Ok(AccessLogTarget::File(prefix.join(path))),
    }
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn headers(text: &str) -> Result<Vec<HeaderToken>, String> {
    use HeaderToken::{
        ProxyLatency, RequestId, ResponseLatency, Server, UpstreamLatency, UpstreamStatus, Via,
    };
    if text == "off" {
        return Ok(Vec::new());
    }
    let mut tokens = Vec::new();
    for part in list(text) {
        tokens.extend_from_slice(match part.to_ascii_lowercase().as_str() {
            "server_tokens" => &[Via, Server],
            "latency_tokens" => &[ProxyLatency, ResponseLatency, UpstreamLatency],
            "via" => &[Via],
            "server" => &[Server],
            "x-kong-proxy-latency" => &[ProxyLatency],
            "x-kong-response-latency" => &[ResponseLatency],
            "x-kong-upstream-latency" => &[UpstreamLatency],
            "x-kong-upstream-status" => &[UpstreamStatus],
            "x-kong-request-id" => &[RequestId],
            other => return Err(format!("'{other}' is none of server_tokens, latency_tokens, Via, Server, X-Kong-Proxy-Latency, X-Kong-Response-Latency, X-Kong-Upstream-Latency, X-Kong-Upstream-Status, X-Kong-Request-Id, off")),
        });
    }
    Ok(tokens)
}

fn headers_upstream(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(false),
        "x-kong-request-id" => Ok(true),
        _ => Err("allowed: x-kong-request-id, off".to_owned()),
    }
}

/// What is no address is the name of a consumer.
fn callers(text: &str) -> Vec<Caller> {
    let caller =
        |part: &str| part.parse().map_or_else(|_| Caller::Consumer(part.to_owned()), Caller::Address);
    list(text).map(caller).collect()
}

fn trusted_ips(text: &str) -> Result<Vec<AddressRange>, String> {
    list(text).map(|part| part.parse().map_err(|error| format!("{error}"))).collect()
}
