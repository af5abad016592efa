//! What a gateway with these settings needs of the file system, and no more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::ConfinementError;
use super::files::{Right, Rule};
use crate::config::{AccessLogTarget, Database, Settings};

/// Certificates, resolver, accounts, time zones; libraries that the C library loads when it is asked for a name; the
/// state of the process and of its control group.
const READ: [&str; 9] =
    ["/etc", "/usr", "/lib", "/lib64", "/run", "/proc", "/sys", "/dev/urandom", "/dev/random"];

/// What this process may reach. Made before it confines itself.
#[derive(Debug)]
pub struct Plan {
    /// Folders and files that may be written.
    pub(super) writable: Vec<PathBuf>,
    /// Files of secrets that may be read.
    secrets: Arc<[PathBuf]>,
}

impl Plan {
    /// The plan for `settings`. Makes the folders that are missing and that nobody could make later.
    ///
    /// # Errors
    ///
    /// [`ConfinementError::Folder`] if one cannot be made.
    pub fn new(settings: &Settings) -> Result<Self, ConfinementError> {
        let mut writable = vec![settings.prefix.clone()];
        if let AccessLogTarget::File(path) = &settings.proxy.access_log {
            writable.extend(folder(path));
        }
        match &settings.database {
            Database::Sqlite { path } => writable.extend(folder(path)),
            Database::Url(url) => writable.extend(sqlite_file(url.expose_secret()).and_then(folder)),
            Database::Off | Database::Postgres(_) => {}
        }
        for path in &writable {
            fs::create_dir_all(path)
                .map_err(|source| ConfinementError::Folder { path: path.clone(), source })?;
        }
        writable.extend(settings.confinement.log_folders.iter().cloned());
        Ok(Self { writable: outermost(writable), secrets: Arc::clone(&settings.vault.files) })
    }

    /// Every opening, for the kernel.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let read = READ.iter().map(|path| (PathBuf::from(path), Right::Read));
        let write = self.writable.iter().map(|path| (path.clone(), Right::Write));
        // A plugin's log may go where the gateway's own output goes, whatever that is.
        let output = ["/dev/null", "/proc/self/fd/1", "/proc/self/fd/2"];
        let output = output.iter().map(|path| (PathBuf::from(path), Right::Write));
        let secrets = self.secrets.iter().map(|path| (path.clone(), Right::Read));
        read.chain(secrets).chain(write).chain(output).chain(programs()).collect()
    }
}

/// The compiler is this very file, and its loader; their libraries are only read.
fn programs() -> Vec<Rule> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let mapped: BTreeSet<&str> = mapped.filter(|path| path.starts_with('/')).collect();
    let is_loader = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ld-") || name.starts_with("ld.")
    };
    let rule = |path: &str| {
        let path = PathBuf::from(path);
        let right = if is_loader(&path) { Right::Run } else { Right::Read };
        (path, right)
    };
    let own = (PathBuf::from("/proc/self/exe"), Right::Run);
    mapped.into_iter().map(rule).chain([own]).collect()
}

fn folder(file: impl AsRef<Path>) -> Option<PathBuf> {
    file.as_ref().parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned)
}

/// The file in a URL of SQLite; none if it names memory, or another database.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

/// Without what lies in another of them.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths {
        if !kept.iter().any(|outer| path.starts_with(outer)) {
            kept.push(path);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_file() {
        for (url, want) in [
            ("sqlite:///var/lib/a.db?mode=rwc", Some("/var/lib/a.db")),
            ("sqlite://a/b.db", Some("a/b.db")),
            ("sqlite:b.db", Some("b.db")),
            ("sqlite::memory:", None),
            ("postgres://a@b/c", None),
        ] {
            assert_eq!(sqlite_file(url), want.map(PathBuf::from), "{url}");
        }
    }

    #[test]
    fn folders_in_folders_are_said_once() {
        let paths = ["/a/b", "/a", "/ab", "/a/c/d"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(paths), ["/a", "/ab"].map(PathBuf::from));
    }
}
