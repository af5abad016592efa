//! A throw-away Postgres server: made in a temporary folder, gone with the process that made it.
//!
//! Debian's `postgresql` package brings the programs. The server refuses to run as root, so root
//! runs it as `postgres`. A small shell waits for the end of the test process, however it ends,
//! and cleans up. A crash of the machine would lose what was written; a crash of the server does not, if it was
//! made to be killed.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};

use crate::gateway::started_by;
use crate::{SmallDisk, free_port};

/// Role and owner of every database in here. It has no password.
const USER: &str = "weir";

/// Room for many tests at once, each with its pools.
const SETTINGS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 \
     -c shared_buffers=64MB -c listen_addresses=127.0.0.1";

/// A running Postgres server.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// A commit is with the kernel before it is answered.
    lasting: bool,
    /// What starts the server.
    under: Vec<String>,
    databases: AtomicU32,
    /// Cleans up when its standard input closes, which it does when this process ends.
    watchdog: Child,
}

impl Postgres {
    /// Makes a server of one's own, for a test that stops it. Takes about a second.
    ///
    /// # Errors
    ///
    /// If the programs are not installed, or the server does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(false, Vec::new())
    }

    /// The same for a test that kills it: what was answered is there afterwards.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_lasting() -> anyhow::Result<Self> {
        Self::start_as(true, Vec::new())
    }

    /// The same for one that sees a disk. Its log of writes lies elsewhere: see [`database_on`](Self::database_on).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(disk: &SmallDisk) -> anyhow::Result<Self> {
        Self::start_as(true, disk.words())
    }

    fn start_as(lasting: bool, under: Vec<String>) -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("weir-postgres-").tempdir()?.keep();
        let port = free_port()?.port();
        if is_root() {
            let (user, group) = postgres_ids()?;
            std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
        }
        let watchdog = watch(&folder, &programs)?;
        let server = Self { folder, programs, port, lasting, under, databases: AtomicU32::new(0), watchdog };
        let initdb = ["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "-N", "-D"];
        let mut command = as_postgres(&[], &server.programs.join("initdb"));
        run(command.args(initdb).arg(server.data()))?;
        server.start_again()?;
        Ok(server)
    }

    /// The server that all tests of this process share. It must not be stopped.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Makes an empty database; gives its URL.
    ///
    /// # Errors
    ///
    /// If the server does not do it.
    pub fn database(&self) -> anyhow::Result<String> {
        self.create("template0")
    }

    /// Makes an empty database whose tables lie on the disk that the server was started with; gives its URL.
    ///
    /// # Errors
    ///
    /// If the server does not do it.
    pub fn database_on(&self, disk: &SmallDisk) -> anyhow::Result<String> {
        std::fs::create_dir(disk.outside().join("space"))?;
        if is_root() {
            let (user, group) = postgres_ids()?;
            for folder in [disk.outside(), disk.outside().join("space")] {
                std::os::unix::fs::chown(folder, Some(user), Some(group))?;
            }
        }
        let place = disk.folder().join("space");
        let name = format!("weir_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let postgres = self.url("postgres");
        self.sql(&postgres, &format!("CREATE TABLESPACE {name} LOCATION '{}'", place.display()))?;
        self.sql(&postgres, &format!("CREATE DATABASE {name} TABLESPACE {name} TEMPLATE template0"))?;
        Ok(self.url(&name))
    }

    /// Makes a copy of a database of this server to which nobody is connected; gives its URL.
    ///
    /// # Errors
    ///
    /// If the server does not do it.
    pub fn copy_of(&self, url: &str) -> anyhow::Result<String> {
        let (_, name) = url.rsplit_once('/').context("a URL of this server")?;
        self.create(name)
    }

    /// Host and port.
    pub fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port)
    }

    /// Stops the server and breaks all connections; the data stays.
    ///
    /// # Errors
    ///
    /// If it does not stop.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.control(&["stop", "-m", "fast"])
    }

    /// Ends the server with SIGKILL, its helpers too.
    ///
    /// # Errors
    ///
    /// If it cannot be found.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let pids = self.signal("KILL")?;
        let is_alive = |pid: &String| {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        };
        for _ in 0..2_000 {
            if !pids.iter().any(is_alive) {
                return self.unlock();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        anyhow::bail!("the server is still there")
    }

    /// Takes away the locks of a server that is dead. It stays in the list of processes until somebody collects it,
    /// and whoever starts again would take it for one that runs.
    fn unlock(&self) -> anyhow::Result<()> {
        let socket = self.folder.join(format!(".s.PGSQL.{}.lock", self.port));
        for lock in [self.data().join("postmaster.pid"), socket] {
            std::fs::remove_file(&lock).with_context(|| lock.display().to_string())?;
        }
        Ok(())
    }

    /// Lets the server stand still for a while.
    ///
    /// # Errors
    ///
    /// If it cannot be found.
    pub async fn stall(&self, time: std::time::Duration) -> anyhow::Result<()> {
        self.signal("STOP")?;
        tokio::time::sleep(time).await;
        self.signal("CONT").map(drop)
    }

    /// Sends a signal to the server and its helpers; gives their numbers, the server's first.
    fn signal(&self, signal: &str) -> anyhow::Result<Vec<String>> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        let pid = file.lines().next().context("the number of the server")?.trim().to_owned();
        let helpers = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let pids: Vec<String> =
            std::iter::once(pid).chain(helpers.split_whitespace().map(str::to_owned)).collect();
        let mut kill = Command::new("kill");
        _ = kill.arg(format!("-{signal}")).args(&pids).stderr(Stdio::null()).status()?;
        Ok(pids)
    }

    /// Starts the server again, on the same port and with the same data.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let commit = if self.lasting { "-c synchronous_commit=on" } else { "" };
        let options = format!("{SETTINGS} {commit} -p {} -k {}", self.port, self.folder.display());
        let log = self.folder.join("log").display().to_string();
        let started = self.control(&["start", "-t", "60", "-l", &log, "-o", &options]);
        let last_words = || {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            log.lines().rev().take(5).collect::<Vec<_>>().join("; ")
        };
        started.with_context(|| format!("the last of the server's log, newest first: {}", last_words()))
    }

    /// Runs SQL in a database of this server; gives what `psql` prints, bare.
    ///
    /// # Errors
    ///
    /// If a statement fails.
    pub fn sql(&self, url: &str, statements: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        run(psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements]))
    }

    fn create(&self, template: &str) -> anyhow::Result<String> {
        let name = format!("weir_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(self.url(&name))
    }

    fn url(&self, name: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }

    fn control(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut command = as_postgres(&self.under, &self.programs.join("pg_ctl"));
        run(command.arg("-D").arg(self.data()).arg("-s").arg("-w").args(words)).map(drop)
    }

    /// The folder with all that it keeps.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Closing its input is the order to clean up.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// The newest installed version, or the folder that `WEIR_TEST_POSTGRES` names.
fn programs() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("WEIR_TEST_POSTGRES") {
        return Ok(folder.into());
    }
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("the postgresql package is not installed")?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    found.sort();
    Ok(found.pop().context("the postgresql package is not installed")?.1)
}

fn is_root() -> bool {
    // The owner of what this process may call its own.
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

fn postgres_ids() -> anyhow::Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:")).context("no user called postgres")?;
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next().and_then(|text| text.parse().ok()).context("/etc/passwd");
    Ok((number()?, number()?))
}

fn as_postgres(under: &[String], program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = started_by(under, Path::new("setpriv"));
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    } else {
        started_by(under, program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn watch(folder: &Path, programs: &Path) -> io::Result<Child> {
    let stop = as_postgres(&[], &programs.join("pg_ctl"));
    let words = std::iter::once(stop.get_program()).chain(stop.get_args());
    let script = "folder=$1; shift; cat >/dev/null; \"$@\" -D \"$folder/data\" -m immediate -s stop; rm -rf \"$folder\"";
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(folder)
        .args(words)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not among those that a Ctrl-C in the terminal ends.
        .process_group(0)
        .spawn()
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    // A server that pg_ctl starts keeps the error output open, so that goes nowhere and the log has it.
    let name = command
        .get_args()
        .chain([command.get_program()])
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let is_start = name.contains(" start ");
    let errors = if is_start { Stdio::null() } else { Stdio::piped() };
    let output = if is_start { Stdio::null() } else { Stdio::piped() };
    let done = command.stdout(output).stderr(errors).spawn()?.wait_with_output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{name}: {} {said}", done.status);
    Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
}
