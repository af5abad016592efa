//! A disk that is too small, for what is to be seen of a gateway and of a database when it is full.
//!
//! Where this process may mount, it is a file system in memory with a name space of its own: a helper holds both, and
//! they are gone when its input closes, which it does when this process ends. Where it may not, as in most containers,
//! the limit of file sizes of a process stands in for it: writes fail as well, with another error.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// What takes the space.
const BALLAST: &str = "ballast";

/// A disk, and the folder where it is seen.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
    /// `None` where nothing can be mounted.
    holder: Option<Child>,
    full: bool,
}

impl SmallDisk {
    /// A disk of so many MiB, empty.
    ///
    /// # Errors
    ///
    /// If there is no place for its folder.
    pub fn new(mib: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let holder = mounted(folder.path(), mib);
        Ok(Self { folder, holder, full: false })
    }

    /// Whether it is a disk, and not a limit that stands in for one.
    pub fn is_mounted(&self) -> bool {
        self.holder.is_some()
    }

    /// Where programs that are started by [`words`](Self::words) see it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where this process sees it.
    pub fn outside(&self) -> PathBuf {
        let below = |holder: &Child| {
            let folder = self.folder.path().display();
            PathBuf::from(format!("/proc/{}/root{folder}", holder.id()))
        };
        self.holder.as_ref().map_or_else(|| self.folder.path().to_owned(), below)
    }

    /// What starts programs that see it.
    pub fn words(&self) -> Vec<String> {
        match &self.holder {
            Some(holder) => {
                vec!["nsenter".into(), format!("--mount=/proc/{}/ns/mnt", holder.id()), "--".into()]
            }
            None => vec!["prlimit".into(), limit(self.full), "--".into()],
        }
    }

    /// Takes the last byte of it, for these processes.
    ///
    /// # Errors
    ///
    /// If it is not full afterwards.
    pub fn fill(&mut self, pids: &[u32]) -> anyhow::Result<()> {
        self.full = true;
        if self.holder.is_none() {
            return limit_all(pids, true);
        }
        let mut ballast =
            std::fs::File::options().create(true).append(true).open(self.outside().join(BALLAST))?;
        for piece in [64 << 10, 1] {
            let piece = vec![0; piece];
            let refused = std::iter::repeat_with(|| ballast.write_all(&piece)).find_map(Result::err);
            let is_full = refused.as_ref().is_some_and(|error| error.kind() == ErrorKind::StorageFull);
            ensure!(is_full, "the disk says: {refused:?}");
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn free(&mut self, pids: &[u32]) -> anyhow::Result<()> {
        self.full = false;
        if self.holder.is_none() {
            return limit_all(pids, false);
        }
        Ok(std::fs::remove_file(self.outside().join(BALLAST))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some(mut holder) = self.holder.take() {
            drop(holder.stdin.take());
            _ = holder.wait();
        }
    }
}

/// The process that holds the mount; `None` if the system does not let us.
fn mounted(folder: &Path, mib: u32) -> Option<Child> {
    let script =
        "mount -t tmpfs -o size=\"$2\"m,mode=755 weir-test \"$1\" && echo mounted && exec cat >/dev/null";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(folder).arg(mib.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Not among those that a Ctrl-C in the terminal ends.
    let mut holder = command.process_group(0).spawn().ok()?;
    let mut line = String::new();
    let said = holder.stdout.take().map(BufReader::new)?.read_line(&mut line);
    if said.is_ok() && line.trim() == "mounted" {
        return Some(holder);
    }
    drop(holder.stdin.take());
    _ = holder.wait();
    None
}

fn limit(full: bool) -> String {
    format!("--fsize={}:", if full { "0" } else { "unlimited" })
}

fn limit_all(pids: &[u32], full: bool) -> anyhow::Result<()> {
    for pid in pids {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid.to_string(), &limit(full)]);
        let status = command.status().context("prlimit of util-linux")?;
        ensure!(status.success(), "prlimit gave {status}");
    }
    Ok(())
}
