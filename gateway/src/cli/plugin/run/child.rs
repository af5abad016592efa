//! The gateway of `weir plugin run`: this program once more, in a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process;

use super::PluginError;
use crate::cli::plugin::admin_api::AdminApi;

/// The first start compiles the plugins of the gateway itself.
const START: Duration = Duration::from_secs(120);
/// How long it may take to end by itself.
const END: Duration = Duration::from_secs(10);

pub(super) struct Child {
    process: process::Child,
    log: PathBuf,
    pub(super) proxy: u16,
    pub(super) admin: u16,
}

impl Child {
    /// Starts it on these ports, or on free ones, with its files in the project's folder.
    pub(super) fn start(dir: &Path, (proxy, admin): (Option<u16>, Option<u16>)) -> Result<Self, PluginError> {
        let folder = super::folder(dir);
        // Compiled plugins are kept; what was configured the last time is not.
        for old in ["weir.db", "weir.db-wal", "weir.db-shm", "weir.sqlite", "last_good"] {
            _ = fs::remove_file(folder.join(old)).or_else(|_| fs::remove_dir_all(folder.join(old)));
        }
        fs::create_dir_all(&folder).map_err(PluginError::file(&folder))?;
        let folder = folder.canonicalize().map_err(PluginError::file(&folder))?;
        let log = folder.join("gateway.log");
        let file = fs::File::create(&log).map_err(PluginError::file(&log))?;
        let program = std::env::current_exe().map_err(PluginError::system("this program cannot be found"))?;
        let (proxy, admin) = (port(proxy)?, port(admin)?);
        let mut command = process::Command::new(program);
        command.arg("start").stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).kill_on_drop(true);
        // Ctrl-C reaches the command alone, which then ends the gateway in order.
        command.process_group(0);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("WEIR_") || name.starts_with("KONG_") {
                command.env_remove(&*name);
            }
        }
        command.env("WEIR_PREFIX", &folder).env("WEIR_WORKERS", "1").env("WEIR_LOG_FORMAT", "text");
        command.env("WEIR_PROXY_LISTEN", loopback(proxy)).env("WEIR_ADMIN_LISTEN", loopback(admin));
        command.env("WEIR_STATUS_LISTEN", "off");
        let process = command.spawn().map_err(PluginError::system("the gateway cannot be started"))?;
        Ok(Self { process, log, proxy, admin })
    }

    /// Waits until the Admin API answers.
    pub(super) async fn until_ready(&mut self) -> Result<(), PluginError> {
        let _step = crate::cli::progress::Step::begin("starting a gateway");
        let api = AdminApi::local(self.admin)?;
        let ready = async {
            while api.get("/status").await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = ready => return Ok(()),
            _ = self.process.wait() => {}
            () = tokio::time::sleep(START) => {}
        }
        Err(self.broken("it did not start"))
    }

    /// Waits for it to end by itself, which it should not.
    pub(super) async fn ended(&mut self) -> Result<(), PluginError> {
        _ = self.process.wait().await;
        Err(self.broken("it ended by itself"))
    }

    /// Asks it to end, and waits for that.
    pub(super) async fn stop(&mut self) {
        let pid = self.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if pid.is_some_and(|pid| kill_process(pid, Signal::INT).is_ok()) {
            _ = tokio::time::timeout(END, self.process.wait()).await;
        }
        _ = self.process.kill().await;
    }

    fn broken(&self, what: &str) -> PluginError {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(10).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        PluginError::Argument(format!(
            "the gateway: {what}; the end of {}:\n{}",
            self.log.display(),
            last.join("\n")
        ))
    }
}

fn loopback(port: u16) -> String {
    SocketAddr::from(([127, 0, 0, 1], port)).to_string()
}

/// The wanted port, or one that is free now.
fn port(wanted: Option<u16>) -> Result<u16, PluginError> {
    let what = match wanted {
        Some(port) => format!("port {port} is taken; choose another"),
        None => "there is no free port".to_owned(),
    };
    let bound = std::net::TcpListener::bind(loopback(wanted.unwrap_or(0)));
    Ok(bound.and_then(|socket| socket.local_addr()).map_err(PluginError::system(what))?.port())
}
