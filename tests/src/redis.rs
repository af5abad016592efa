//! A throw-away Redis server: nothing on disk, gone with the process that made it.
//!
//! Debian's `redis-server` package brings the program. A small shell waits for the end of the test
//! process, however it ends, and stops the server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::free_port;

/// How long the server may take to come up.
const START: Duration = Duration::from_secs(20);

/// In the folder of a server that speaks TLS.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// A running Redis server.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    password: Option<String>,
    /// Certificate and key, if it speaks TLS alone.
    tls: Option<TempDir>,
    /// Stops the server when its standard input closes, which it does when this process ends.
    watchdog: Option<Child>,
}

impl Redis {
    /// Makes a server that asks nobody for a password.
    ///
    /// # Errors
    ///
    /// If the program is not installed, or the server does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::with(None, None)
    }

    /// Makes a server with a password for its default user.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn with_password(password: &str) -> anyhow::Result<Self> {
        Self::with(Some(password.to_owned()), None)
    }

    /// Makes a server that speaks TLS alone, with a certificate that nobody else knows.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if `openssl` or `redis-cli` is not installed.
    pub fn with_tls() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "2", "-subj", "/CN=localhost", "-keyout", KEY, "-out", CERTIFICATE]);
        let made = openssl.current_dir(folder.path()).output().context("openssl")?;
        ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        Self::with(None, Some(folder))
    }

    fn with(password: Option<String>, tls: Option<TempDir>) -> anyhow::Result<Self> {
        let mut server = Self { address: free_port()?, password, tls, watchdog: None };
        server.start_again()?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and breaks all connections; what it held is gone.
    pub fn stop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }

    /// Starts the server again, empty and on the same port.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let script = "redis-server \"$@\" >/dev/null 2>&1 & cat >/dev/null; kill -9 $!; wait $! 2>/dev/null";
        let mut command = Command::new("sh");
        let port = self.address.port().to_string();
        command.args(["-c", script, "sh", "--bind", "127.0.0.1", "--save", ""]);
        command.args(if self.tls.is_some() {
            ["--port", "0", "--tls-port", &port]
        } else {
            ["--port", &port, "--tls-port", "0"]
        });
        if let (Some(certificate), Some(key)) = (self.file(CERTIFICATE), self.file(KEY)) {
            command.arg("--tls-cert-file").arg(&certificate).arg("--tls-key-file").arg(key);
            command.arg("--tls-ca-cert-file").arg(certificate).args(["--tls-auth-clients", "no"]);
        }
        command.args(["--appendonly", "no"]);
        if let Some(password) = &self.password {
            command.args(["--requirepass", password]);
        }
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not among those that a Ctrl-C in the terminal ends.
        self.watchdog = Some(command.process_group(0).spawn().context("sh")?);
        let begun = Instant::now();
        while !self.answers() {
            ensure!(begun.elapsed() < START, "redis-server does not come up; is the package installed?");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Sends one command, as words; gives what the server answers, as it is on the wire, or as `redis-cli` prints it if
    /// the server speaks TLS.
    ///
    /// # Errors
    ///
    /// If the server is not there.
    pub fn command(&self, words: &[&str]) -> anyhow::Result<String> {
        if self.tls.is_some() {
            let port = self.address.port().to_string();
            let asked =
                Command::new("redis-cli").args(["--tls", "--insecure", "-p", &port]).args(words).output()?;
            ensure!(asked.status.success(), "redis-cli: {}", String::from_utf8_lossy(&asked.stderr));
            return Ok(String::from_utf8_lossy(&asked.stdout).into_owned());
        }
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut all = String::new();
        if let Some(password) = &self.password {
            all.push_str(&encoded(&["AUTH", password]));
        }
        all.push_str(&encoded(words));
        all.push_str(&encoded(&["QUIT"]));
        stream.write_all(all.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let answer = if self.password.is_some() { answer.trim_start_matches("+OK\r\n") } else { &answer };
        Ok(answer.trim_end_matches("+OK\r\n").to_owned())
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.tls.as_ref().map(|folder| folder.path().join(name))
    }

    fn answers(&self) -> bool {
        self.command(&["PING"]).is_ok_and(|answer| answer.trim_start_matches('+').starts_with("PONG"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The wire form of a command (RESP).
fn encoded(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text
}
