//! The scalar formats of Kong's fields: names, hosts, paths, tags and their like, with Kong's texts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::field::{Field, set, string};

/// The port of a target that names none.
const TARGET_PORT: u16 = 8000;

/// `tags`: a set of printable texts without `,` and `/`.
pub(super) fn tags() -> Field {
    set(string().required().text(tag))
}

/// A name that is unique within its kind.
pub(super) fn name() -> Field {
    string().unique().text(utf8_name)
}

pub(super) fn tag(text: &str) -> Result<(), String> {
    let good = |letter: char| !letter.is_ascii() || ((' '..='~').contains(&letter) && !",/".contains(letter));
    if text.chars().all(good) {
        Ok(())
    } else {
        Err(format!(
            "invalid tag '{text}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
        ))
    }
}

pub(super) fn utf8_name(text: &str) -> Result<(), String> {
    if text
        .chars()
        .all(|letter| !letter.is_ascii() || letter.is_ascii_alphanumeric() || ".-_~".contains(letter))
    {
        Ok(())
    } else {
        Err(format!(
            "invalid value '{text}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
        ))
    }
}

pub(super) fn header_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("no header name provided".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Ok(());
    }
    Err(format!("bad header name '{text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"))
}

/// What a host text turned out to be.
enum Host<'a> {
    Ip(Option<&'a str>),
    Name(Option<&'a str>),
}

/// A host name, IPv4 or IPv6 address, with what follows its port's colon.
fn parse_host(text: &str) -> Option<Host<'_>> {
    let port_of = |rest: &'_ str| rest.strip_prefix(':').map(str::len);
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        return match port_of(rest) {
            None if rest.is_empty() => Some(Host::Ip(None)),
            None => None,
            Some(_) => Some(Host::Ip(rest.get(1..))),
        };
    }
    if text.matches(':').count() > 1 {
        return text.parse::<Ipv6Addr>().ok().map(|_| Host::Ip(None));
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return host.parse::<Ipv4Addr>().ok().map(|_| Host::Ip(port));
    }
    is_host_name(host).then_some(Host::Name(port))
}

fn is_host_name(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// A host name or an address, without a port.
pub(super) fn host(text: &str) -> Result<(), String> {
    match parse_host(text) {
        None => Err(format!("invalid value: {text}")),
        Some(Host::Ip(Some(_)) | Host::Name(Some(_))) => Err("must not have a port".to_owned()),
        Some(Host::Ip(None) | Host::Name(None)) => Ok(()),
    }
}

/// A host of a route: wildcards have been judged by patterns, a port may follow.
pub(super) fn route_host(text: &str) -> Result<(), String> {
    host_and_port(&text.replace('*', "abc"))
}

/// A host name or an address, a port may follow.
pub(super) fn host_and_port(text: &str) -> Result<(), String> {
    let port = match parse_host(text) {
        None => return Err(format!("invalid value: {text}")),
        Some(Host::Ip(port) | Host::Name(port)) => port,
    };
    match port {
        Some(port) if port.parse::<u16>().is_err() => Err(format!("invalid value: {text}")),
        Some(_) | None => Ok(()),
    }
}

/// A name of an upstream, which stands where a host name would.
pub(super) fn upstream_name(text: &str) -> Result<(), String> {
    let why = match parse_host(text) {
        None => "must be a valid hostname",
        Some(Host::Ip(_)) => "no ip addresses allowed",
        Some(Host::Name(Some(_))) => "no port allowed",
        Some(Host::Name(None)) => return Ok(()),
    };
    Err(format!("Invalid name ('{text}'); {why}"))
}

/// A target in the form in which it is kept: with a port, addresses written out.
pub(super) fn target(text: &str) -> Result<String, String> {
    let whole = || {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(TARGET_PORT), |port| port.parse::<u16>().ok())?;
        if host.contains(':') {
            let parts = host.parse::<Ipv6Addr>().ok()?.segments().map(|part| format!("{part:04x}"));
            return Some(format!("[{}]:{port}", parts.join(":")));
        }
        if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            let parts: Vec<u8> = host.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            return Some(format!("{}:{port}", Ipv4Addr::from(<[u8; 4]>::try_from(parts).ok()?)));
        }
        is_host_name(host).then(|| format!("{host}:{port}"))
    };
    whole().ok_or_else(|| format!("Invalid target ('{text}'); not a valid hostname or ip address"))
}

/// A token of RFC 2616.
pub(super) fn cookie_name(text: &str) -> Result<(), String> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
        return Ok(());
    }
    Err(format!("bad cookie name '{text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"))
}

/// Where a browser is sent after it consented: an absolute URL.
pub(super) fn redirect_uri(text: &str) -> Result<(), String> {
    let host = text.split_once("://").filter(|(scheme, _)| !scheme.is_empty());
    if host.is_none_or(|(_, rest)| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
        return Err(format!("cannot parse '{text}'"));
    }
    if text.contains('#') { Err(format!("fragment not allowed in '{text}'")) } else { Ok(()) }
}

/// A server name, with a wildcard as its first or last character if need be.
pub(super) fn wildcard_host(text: &str) -> Result<(), String> {
    if let Some(at) = text.find('*') {
        if at != 0 && at + 1 != text.len() {
            return Err("wildcard must be leftmost or rightmost character".to_owned());
        }
        if text.matches('*').count() > 1 {
            return Err("only one wildcard must be specified".to_owned());
        }
    }
    let plain = text.replace('*', "wildcard");
    match parse_host(&plain) {
        None => Err(format!("invalid value: {text}")),
        Some(Host::Ip(_)) => Err("must not be an IP".to_owned()),
        Some(Host::Name(Some(_))) => Err("must not have a port".to_owned()),
        Some(Host::Name(None)) => Ok(()),
    }
}

/// The characters that RFC 3986 allows in a path, and well-formed percent escapes.
pub(super) fn path(text: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
    if !text.bytes().all(good) {
        return Err(format!(
            "invalid path: '{text}' (characters outside of the reserved list of RFC 3986 found)"
        ));
    }
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if digits.is_none() {
            let shown: String = after.chars().take(2).collect();
            return Err(format!("invalid url-encoded value: '%{shown}'"));
        }
        rest = after;
    }
    Ok(())
}

/// A path of a route: a prefix in normal form, or `~` and a regular expression.
pub(super) fn route_path(text: &str) -> Result<(), String> {
    if let Some(source) = text.strip_prefix('~') {
        return regex::Regex::new(source).map(|_| ()).map_err(|found| {
            let reason = found.to_string().lines().last().unwrap_or_default().trim().to_owned();
            format!("invalid regex: '{source}' (the engine returned: {reason})")
        });
    }
    let normal = normalized(text);
    if normal == text { Ok(()) } else { Err(format!("non-normalized path, consider use '{normal}' instead")) }
}

/// Escapes of unreserved characters are undone, the others written in capitals; empty and dot
/// segments go.
pub(super) fn normalized(path: &str) -> String {
    let decoded = decoded(path);
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/').skip(1) {
        match segment {
            "." | "" => {}
            ".." => _ = segments.pop(),
            name => segments.push(name),
        }
    }
    let mut out: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
    let last = decoded.rsplit('/').next().unwrap_or_default();
    if out.is_empty() || matches!(last, "" | "." | "..") {
        out.push('/');
    }
    out
}

fn decoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        rest = after;
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
                rest = after.get(2..).unwrap_or_default();
            }
            None => out.push('%'),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(found: Result<(), String>) -> String {
        found.err().unwrap_or_default()
    }

    #[test]
    fn hosts() {
        for (case, value, want) in [
            ("a name", "example.com", ""),
            ("underscore", "my_service", ""),
            ("IPv4", "10.0.0.1", ""),
            ("IPv6", "::1", ""),
            ("IPv6 in brackets", "[::1]", ""),
            ("port", "example.com:80", "must not have a port"),
            ("port of IPv6", "[::1]:80", "must not have a port"),
            ("digits and dots must be an address", "1.2.3", "invalid value: 1.2.3"),
            ("space", "a b", "invalid value: a b"),
            ("label ends with a hyphen", "a-.b", "invalid value: a-.b"),
        ] {
            assert_eq!(text(host(value)), want, "{case}");
        }
        for (case, value, want) in [
            ("leftmost", "*.example.com", ""),
            ("inside", "a.*.com", "wildcard must be leftmost or rightmost character"),
            ("two", "*.a.*", "only one wildcard must be specified"),
            ("address", "10.0.0.1", "must not be an IP"),
            ("port", "a.b:80", "must not have a port"),
        ] {
            assert_eq!(text(wildcard_host(value)), want, "{case}");
        }
    }

    #[test]
    fn targets_are_written_out() {
        for (case, value, want) in [
            ("a name", "a.test", Ok("a.test:8000")),
            ("a port", "a.test:80", Ok("a.test:80")),
            ("zeros of an address", "010.0.0.001:80", Ok("10.0.0.1:80")),
            ("IPv6", "[::1]", Ok("[0000:0000:0000:0000:0000:0000:0000:0001]:8000")),
            ("IPv6 with a port", "[fe80::1]:1", Ok("[fe80:0000:0000:0000:0000:0000:0000:0001]:1")),
            ("bare IPv6", "::1", Ok("[0000:0000:0000:0000:0000:0000:0000:0001]:8000")),
            ("no such port", "a:99999", Err("a:99999")),
            ("a blank", "a b", Err("a b")),
            ("not an address", "1.2.3", Err("1.2.3")),
            ("nothing", "", Err("")),
        ] {
            let want = want.map(str::to_owned);
            let want =
                want.map_err(|text| format!("Invalid target ('{text}'); not a valid hostname or ip address"));
            assert_eq!(target(value), want, "{case}");
        }
        for (case, value, want) in [
            ("a name", "a.test", ""),
            ("an address", "1.2.3.4", "Invalid name ('1.2.3.4'); no ip addresses allowed"),
            ("a port", "a:1", "Invalid name ('a:1'); no port allowed"),
            ("a blank", "a b", "Invalid name ('a b'); must be a valid hostname"),
        ] {
            assert_eq!(text(upstream_name(value)), want, "{case}");
        }
        for (case, value, want) in [
            ("a URL", "https://a.test/x", ""),
            ("no host", "/x", "cannot parse '/x'"),
            ("a fragment", "https://a.test/#x", "fragment not allowed in 'https://a.test/#x'"),
        ] {
            assert_eq!(text(redirect_uri(value)), want, "{case}");
        }
    }

    #[test]
    fn paths() {
        for (case, value, want) in [
            ("plain", "/a/b", ""),
            ("escape", "/a%20b", ""),
            ("broken escape", "/a%2", "invalid url-encoded value: '%2'"),
            (
                "space",
                "/a b",
                "invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)",
            ),
        ] {
            assert_eq!(text(path(value)), want, "{case}");
        }
        for (case, value, want) in [
            ("plain", "/a/", ""),
            ("root", "/", ""),
            ("regex", "~/a/\\d+", ""),
            ("dots", "/a/../b", "non-normalized path, consider use '/b' instead"),
            ("escaped letter", "/%61", "non-normalized path, consider use '/a' instead"),
        ] {
            assert_eq!(text(route_path(value)), want, "{case}");
        }
        assert!(text(route_path("~/(")).starts_with("invalid regex: '/('"));
    }
}
