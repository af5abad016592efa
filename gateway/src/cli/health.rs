//! `weir health`: asks the status listener of this machine, for container health checks.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::output::say;
use super::{CliError, SettingsFile};

/// Shorter than the time that orchestrators give a health check.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn run(file: &SettingsFile) -> Result<ExitCode, CliError> {
    let settings = file.load()?.settings;
    let Some(listener) = settings.status_listen.first() else {
        return Err(CliError::No("status_listen is off: nobody can be asked".to_owned()));
    };
    let address = reachable(listener.address);
    let answer = ask(address)
        .map_err(|source| CliError::System { what: format!("Weir does not answer on {address}"), source })?;
    if answer.starts_with("HTTP/1.1 200 ") {
        say(format_args!("Weir is healthy at {}", settings.prefix.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Err(CliError::No(format!("Weir is not ready: {}", body.trim())))
}

/// Where to reach a listener that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /status/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        for (listener, want) in
            [("0.0.0.0:8100", "127.0.0.1:8100"), ("[::]:81", "[::1]:81"), ("10.0.0.1:8", "10.0.0.1:8")]
        {
            let address = reachable(listener.parse().expect("an address"));
            assert_eq!(address.to_string(), want);
        }
    }
}
