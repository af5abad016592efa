//! Kong's form of a listen setting: `0.0.0.0:8000 reuseport backlog=16384, [::]:8443 http2 ssl` or `off`.

use std::net::{IpAddr, SocketAddr};

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// Length of the queue of connections that wait to be accepted.
    pub backlog: u32,
    /// Whether each worker has a socket of its own. The data plane always works so.
    pub reuseport: bool,
    /// What is spoken there.
    pub speaks: Speaks,
    /// The text as written, for the Admin API.
    pub text: String,
}

/// What is spoken on a listener, beside plain HTTP/1.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speaks {
    /// HTTP/2: by prior knowledge, or by ALPN under TLS.
    pub http2: bool,
    /// TLS, and nothing else.
    pub tls: bool,
    /// The PROXY protocol before anything else.
    pub proxy_protocol: bool,
    /// UDP in the place of TCP.
    pub udp: bool,
}

impl Speaks {
    /// What a flag asks for, if it is one of these.
    fn flag(&mut self, flag: &str) -> Option<&mut bool> {
        match flag {
            "http2" => Some(&mut self.http2),
            "ssl" => Some(&mut self.tls),
            "proxy_protocol" => Some(&mut self.proxy_protocol),
            "udp" => Some(&mut self.udp),
            _ => None,
        }
    }
}

impl Listener {
    /// Whether only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

/// Kong's default, which the kernel caps at `net.core.somaxconn`.
const BACKLOG: u32 = 16_384;

/// Reads where the proxy listens; `off` is an empty list.
pub(super) fn proxy(text: &str) -> Result<Vec<Listener>, String> {
    parse(text, &["http2", "ssl", "proxy_protocol"])
}

/// Reads where streams come in; `off` is an empty list. Datagrams have neither a handshake nor a header.
pub(super) fn streams(text: &str) -> Result<Vec<Listener>, String> {
    let listeners = parse(text, &["ssl", "proxy_protocol", "udp"])?;
    let mixed = listeners.iter().find(|one| one.speaks.udp && (one.speaks.tls || one.speaks.proxy_protocol));
    match mixed {
        Some(listener) => {
            Err(format!("'udp' on {} goes with neither 'ssl' nor 'proxy_protocol'", listener.address))
        }
        None => Ok(listeners),
    }
}

/// Reads where the Admin API listens; `off` is an empty list. HTTP/1.1 is spoken there also where Kong's flag
/// offers HTTP/2.
pub(super) fn admin(text: &str) -> Result<Vec<Listener>, String> {
    parse(text, &["http2", "ssl"])
}

/// Reads where plain HTTP/1.1 is spoken; `off` is an empty list.
pub(super) fn plain(text: &str) -> Result<Vec<Listener>, String> {
    parse(text, &[])
}

/// `flags` are those of [`Speaks`] that are served here.
fn parse(text: &str, flags: &[&str]) -> Result<Vec<Listener>, String> {
    if matches!(text.trim(), "off" | "false") {
        return Ok(Vec::new());
    }
    text.split(',').map(|one| listener(one.trim(), flags)).collect()
}

fn listener(text: &str, flags: &[&str]) -> Result<Listener, String> {
    let mut words = text.split_whitespace();
    let address = address(words.next().unwrap_or_default())?;
    let speaks = Speaks::default();
    let mut listener =
        Listener { address, backlog: BACKLOG, reuseport: false, speaks, text: text.to_owned() };
    for flag in words {
        match listener.speaks.flag(flag) {
            None => apply(flag, &mut listener)?,
            Some(asked) if flags.contains(&flag) => *asked = true,
            Some(_) => return Err(format!("'{flag}' on {address} is not supported yet")),
        }
    }
    Ok(listener)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if text.starts_with("unix:") {
        return Err(format!("'{text}': Unix sockets are not supported yet"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let port = port.parse().map_err(|_| format!("'{text}' does not end in a port (address:port)"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let ip: IpAddr = match host {
        "*" => [0, 0, 0, 0].into(),
        "localhost" => [127, 0, 0, 1].into(),
        other => other.parse().map_err(|_| format!("'{text}' does not begin with an IP address"))?,
    };
    Ok(SocketAddr::new(ip, port))
}

fn apply(flag: &str, listener: &mut Listener) -> Result<(), String> {
    match flag {
        "reuseport" => listener.reuseport = true,
        // What these ask for is always so here, or a hint to the kernel that changes no answer.
        "bind" | "deferred" => {}
        other => return apply_value(other, listener),
    }
    Ok(())
}

fn apply_value(flag: &str, listener: &mut Listener) -> Result<(), String> {
    match flag.split_once('=') {
        Some(("backlog", length)) => {
            listener.backlog = length.parse().map_err(|_| format!("'{flag}' is not a length"))?;
            Ok(())
        }
        Some(("ipv6only" | "so_keepalive", _)) => Ok(()),
        Some(_) | None => Err(format!("'{flag}' is not a flag of a listener")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kongs_listen_syntax_is_read() {
        let text = "0.0.0.0:8000 reuseport backlog=64, [::]:8000 bind deferred ipv6only=on, *:9000";
        let listeners = proxy(text).expect("valid");
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address.to_string()).collect();
        assert_eq!(addresses, ["0.0.0.0:8000", "[::]:8000", "0.0.0.0:9000"]);
        let facts: Vec<_> = listeners.iter().map(|one| (one.backlog, one.reuseport)).collect();
        assert_eq!(facts, [(64, true), (BACKLOG, false), (BACKLOG, false)]);
        assert_eq!(proxy("off"), Ok(Vec::new()));
        let speaks = |text| proxy(text).expect("valid").first().map(|one| one.speaks);
        let all = Speaks { http2: true, tls: true, proxy_protocol: true, udp: false };
        assert_eq!(speaks("*:1 ssl proxy_protocol http2"), Some(all));
        assert_eq!(speaks("*:1"), Some(Speaks::default()));
        assert!(plain("*:1 http2").is_err());
        let found = streams("*:1, *:2 ssl proxy_protocol, *:3 udp reuseport").expect("valid");
        let spoken: Vec<_> =
            found.iter().map(|one| (one.speaks.tls, one.speaks.proxy_protocol, one.speaks.udp)).collect();
        assert_eq!(spoken, [(false, false, false), (true, true, false), (false, false, true)]);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for (case, text, want) in [
            ("unix", "unix:/tmp/weir.sock", "Unix sockets"),
            ("no port", "0.0.0.0", "does not end in a port"),
            ("port too large", "0.0.0.0:65536", "does not end in a port"),
            ("a name", "example.com:80", "does not begin with an IP address"),
            ("unknown flag", "0.0.0.0:8000 fast", "'fast' is not a flag"),
            ("bad backlog", "0.0.0.0:8000 backlog=many", "not a length"),
            ("empty", "", "does not end in a port"),
            ("off among others", "0.0.0.0:8000, off", "does not end in a port"),
        ] {
            let error = proxy(text).expect_err(case);
            assert!(error.contains(want), "{case}: {error}");
        }
        for (case, text, want) in [
            ("HTTP/2 in a stream", "*:9000 http2", "'http2' on 0.0.0.0:9000 is not supported"),
            ("datagrams under TLS", "*:9000 udp ssl", "goes with neither"),
            ("datagrams behind a header", "*:9000 udp proxy_protocol", "goes with neither"),
        ] {
            let error = streams(text).expect_err(case);
            assert!(error.contains(want), "{case}: {error}");
        }
        assert!(proxy("*:9000 udp").expect_err("HTTP over UDP").contains("'udp' on"));
    }

    #[test]
    fn loopback_is_known() {
        for (text, want) in
            [("127.9.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("[::]:1", false)]
        {
            assert_eq!(proxy(text).expect(text).first().map(Listener::is_loopback), Some(want), "{text}");
        }
    }
}
