//! A real gateway process on ports of its own, with a folder of its own; ended when dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, Client, request};
use crate::{eventually, free_port};

/// The file below the prefix that authenticates compiled plugins.
const KEY: &str = "artifact.key";

/// Where a gateway keeps its configuration.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in the gateway's own folder.
    Sqlite,
    /// A URL of a Postgres database that exists.
    Postgres(String),
}

/// How to start a gateway.
#[derive(Debug)]
pub struct GatewayBuilder {
    program: PathBuf,
    database: Database,
    settings: Vec<(String, String)>,
    prefix: Option<PathBuf>,
    ports: Option<[SocketAddr; 3]>,
    flags: String,
    beside: Option<String>,
    under: Vec<String>,
}

/// A running gateway.
pub struct Gateway {
    child: Child,
    /// Where requests go.
    pub proxy: SocketAddr,
    /// The proxy's other listener, if there is one.
    pub beside: SocketAddr,
    /// The Admin API.
    pub admin: SocketAddr,
    /// The status listener.
    pub status: SocketAddr,
    prefix: PathBuf,
    _folder: Option<TempDir>,
}

impl GatewayBuilder {
    /// Will start `program` (`env!("CARGO_BIN_EXE_weir")`) on SQLite.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            database: Database::Sqlite,
            settings: Vec::new(),
            prefix: None,
            ports: None,
            flags: String::new(),
            beside: None,
            under: Vec::new(),
        }
    }

    /// Keeps the configuration there.
    pub fn database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// Sets one setting, by its environment variable.
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// Takes the place of `before`: its folder and its ports.
    pub fn after(mut self, before: &Gateway) -> Self {
        self.prefix = Some(before.prefix.clone());
        self.ports = Some([before.proxy, before.admin, before.status]);
        self
    }

    /// Gives the proxy's listener these flags.
    pub fn listening(mut self, flags: &str) -> Self {
        self.flags = format!(" {flags}");
        self
    }

    /// Opens another listener of the proxy, with these flags.
    pub fn beside(mut self, flags: &str) -> Self {
        self.beside = Some(flags.to_owned());
        self
    }

    /// Has another program start it, such as `["prlimit", "--core=0"]`: one that becomes the gateway in the end, and
    /// begins in its folder.
    pub fn under<T: AsRef<str>>(mut self, words: &[T]) -> Self {
        self.under.extend(words.iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Works in this folder, which outlives the gateway.
    pub fn prefix(mut self, folder: &Path) -> Self {
        self.prefix = Some(folder.to_owned());
        self
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it ends by itself or is not ready within three minutes; its log is in the message.
    pub async fn start(self) -> anyhow::Result<Gateway> {
        // The first gateway compiles the bundled plugins; the others wait for it and find its artifacts.
        static FIRST: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let mut turn = Some(FIRST.lock().await);
        if kept_artifacts().exists() {
            turn = None;
        }
        let mut gateway = self.spawn()?;
        let status = gateway.status;
        for _ in 0..18_000 {
            if let Some(ended) = gateway.child.try_wait()? {
                anyhow::bail!("the gateway ended with {ended}:\n{}", gateway.log());
            }
            if let Ok(mut client) = Client::connect(status).await
                && client.get("/status/ready", &[]).await.is_ok_and(|answer| answer.status == 200)
            {
                gateway.keep_artifacts()?;
                drop(turn);
                return Ok(gateway);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("not ready within 180 s:\n{}", gateway.log())
    }

    /// Starts the process and waits for nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn spawn(self) -> anyhow::Result<Gateway> {
        let folder = if self.prefix.is_none() { Some(tempfile::tempdir()?) } else { None };
        let prefix = self.prefix.or_else(|| folder.as_ref().map(|folder| folder.path().to_owned()));
        let prefix = prefix.context("a folder")?;
        if kept_artifacts().exists() && !prefix.join("artifacts").exists() {
            copy_folder(&kept_artifacts(), &prefix.join("artifacts"))?;
            std::fs::copy(prefix.join("artifacts").join(KEY), prefix.join(KEY))?;
        }
        let [proxy, admin, status] = match self.ports {
            Some(ports) => ports,
            None => [free_port()?, free_port()?, free_port()?],
        };
        let beside = free_port()?;
        let other = self.beside.map(|flags| format!(", {beside} {flags}")).unwrap_or_default();
        let log = std::fs::File::options().create(true).append(true).open(prefix.join("test.log"))?;
        let mut command = started_by(&self.under, &std::path::absolute(&self.program)?);
        if !self.under.is_empty() {
            command.current_dir(&prefix);
        }
        command.arg("start").env_clear().stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        for kept in ["PATH", "HOME", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.env("WEIR_PREFIX", &prefix).env("WEIR_PROXY_LISTEN", format!("{proxy}{}{other}", self.flags));
        command.env("WEIR_ADMIN_LISTEN", admin.to_string()).env("WEIR_STATUS_LISTEN", status.to_string());
        if let Database::Postgres(url) = &self.database {
            command
                .env("WEIR_DATABASE", "postgres")
                .env("WEIR_DATABASE_URL", url)
                .env("WEIR_MIGRATE", "auto");
        }
        command.envs(self.settings);
        let child = command.spawn().with_context(|| format!("start {}", self.program.display()))?;
        Ok(Gateway { child, proxy, beside, admin, status, prefix, _folder: folder })
    }
}

impl Gateway {
    /// One request to the Admin API, with a JSON body unless it is null.
    ///
    /// # Errors
    ///
    /// If the Admin API cannot be reached.
    pub async fn admin(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let (headers, body) = match body {
            Value::Null => (vec![], Bytes::new()),
            body @ (Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_)) => {
                (vec![("content-type", "application/json")], Bytes::from(body.to_string()))
            }
        };
        Client::connect(self.admin).await?.send(request(method, path, &headers, body)?).await
    }

    /// As [`Gateway::admin`], and the status must be 2xx; gives the body.
    ///
    /// # Errors
    ///
    /// If the answer is another one; its text is in the message.
    pub async fn apply(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.admin(method.clone(), path, body).await?;
        ensure!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// Uploads a plugin component.
    ///
    /// # Errors
    ///
    /// If the Admin API cannot be reached.
    pub async fn upload(&self, component: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let upload =
            request(Method::POST, "/custom-plugins", &[("content-type", "application/wasm")], component)?;
        Client::connect(self.admin).await?.send(upload).await
    }

    /// One GET through the proxy on a connection of its own.
    ///
    /// # Errors
    ///
    /// If the proxy cannot be reached.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        Client::connect(self.proxy).await?.get(path, headers).await
    }

    /// Waits until a GET through the proxy is answered as `wanted`.
    ///
    /// # Errors
    ///
    /// If that does not happen within `limit`.
    pub async fn wait_for(
        &self,
        what: &str,
        limit: Duration,
        path: &str,
        wanted: impl Fn(&Answer) -> bool,
    ) -> anyhow::Result<Duration> {
        eventually(what, limit, || async { self.get(path, &[]).await.is_ok_and(|answer| wanted(&answer)) })
            .await
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it works in.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// What it wrote to its output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.prefix.join("test.log")).unwrap_or_default()
    }

    /// Keeps compiled plugins for the next gateways of this test process.
    fn keep_artifacts(&self) -> anyhow::Result<()> {
        let own = self.prefix.join("artifacts");
        if kept_artifacts().exists() || !own.exists() {
            return Ok(());
        }
        // They are worth nothing without the key that authenticates them.
        std::fs::copy(self.prefix.join(KEY), own.join(KEY))?;
        copy_folder(&own, &kept_artifacts())
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Errors
    ///
    /// If `kill` cannot be run.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        ensure!(status.success(), "kill -{name} gave {status}");
        Ok(())
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    ///
    /// If it does not within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> anyhow::Result<std::process::ExitStatus> {
        let began = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(began.elapsed() < limit, "still running after {limit:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// `program`, by way of these words if there are any.
pub(crate) fn started_by(words: &[String], program: &Path) -> Command {
    let Some((first, rest)) = words.split_first() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}

/// Where the test process keeps compiled plugins; gone with the temporary files of the machine.
fn kept_artifacts() -> PathBuf {
    std::env::temp_dir().join(format!("weir-test-artifacts-{}", std::process::id()))
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let half_done = to.with_extension("new");
    std::fs::create_dir_all(&half_done)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), half_done.join(entry.file_name()))?;
        }
    }
    Ok(std::fs::rename(half_done, to)?)
}
