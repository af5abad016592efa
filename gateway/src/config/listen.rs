//! Kong's form of a listen setting: `0.0.0.0:8000 reuseport backlog=16384, [::]:8000` or `off`.

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
    /// The text as written, for the Admin API.
    pub text: String,
}

impl Listener {
    /// Whether only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

/// Kong's default, which the kernel caps at `net.core.somaxconn`.
const BACKLOG: u32 = 16_384;

/// Reads a whole listen setting; `off` is an empty list.
pub(super) fn parse(text: &str) -> Result<Vec<Listener>, String> {
    if matches!(text.trim(), "off" | "false") {
        return Ok(Vec::new());
    }
    text.split(',').map(|one| listener(one.trim())).collect()
}

fn listener(text: &str) -> Result<Listener, String> {
    let mut words = text.split_whitespace();
    let address = address(words.next().unwrap_or_default())?;
    let mut listener = Listener { address, backlog: BACKLOG, reuseport: false, text: text.to_owned() };
    for flag in words {
        apply(flag, &mut listener)?;
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
        "ssl" | "http2" | "proxy_protocol" => {
            let address = listener.address;
            return Err(format!(
                "'{flag}' on {address} is not supported yet: listeners speak plain HTTP/1.1"
            ));
        }
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
        let listeners = parse(text).expect("valid");
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address.to_string()).collect();
        assert_eq!(addresses, ["0.0.0.0:8000", "[::]:8000", "0.0.0.0:9000"]);
        let facts: Vec<_> = listeners.iter().map(|one| (one.backlog, one.reuseport)).collect();
        assert_eq!(facts, [(64, true), (BACKLOG, false), (BACKLOG, false)]);
        assert_eq!(parse("off"), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for (case, text, want) in [
            ("tls", "0.0.0.0:8443 http2 ssl", "not supported yet"),
            ("unix", "unix:/tmp/weir.sock", "Unix sockets"),
            ("no port", "0.0.0.0", "does not end in a port"),
            ("port too large", "0.0.0.0:65536", "does not end in a port"),
            ("a name", "example.com:80", "does not begin with an IP address"),
            ("unknown flag", "0.0.0.0:8000 fast", "'fast' is not a flag"),
            ("bad backlog", "0.0.0.0:8000 backlog=many", "not a length"),
            ("empty", "", "does not end in a port"),
            ("off among others", "0.0.0.0:8000, off", "does not end in a port"),
        ] {
            let error = parse(text).expect_err(case);
            assert!(error.contains(want), "{case}: {error}");
        }
    }

    #[test]
    fn loopback_is_known() {
        for (text, want) in
            [("127.9.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("[::]:1", false)]
        {
            assert_eq!(parse(text).expect(text).first().map(Listener::is_loopback), Some(want), "{text}");
        }
    }
}
