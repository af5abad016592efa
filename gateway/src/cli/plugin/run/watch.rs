//! Hears of saved files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::PluginError;

/// Editors write a file in several steps, and tools several files: a change is over when it is quiet.
const QUIET: Duration = Duration::from_millis(150);

/// Folders that tools write to: a build must not look like a change.
const NOT_SOURCES: [&str; 8] =
    ["target", ".weir", ".git", "node_modules", "dist", "__pycache__", ".venv", "build"];

/// Watches the sources of a project.
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    pub(super) fn begin(dir: &Path) -> Result<Self, PluginError> {
        let root = dir.canonicalize().map_err(PluginError::file(dir))?;
        // One that waits is enough: it stands for all that come with it.
        let (tell, changes) = mpsc::channel(1);
        let seen = root.clone();
        let heard = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(&event, &seen)) {
                _ = tell.try_send(());
            }
        };
        let failed = |error: notify::Error| PluginError::System {
            what: format!("{} cannot be watched; run it with --no-watch", dir.display()),
            source: std::io::Error::other(error),
        };
        let mut watcher = notify::recommended_watcher(heard).map_err(failed)?;
        // Not the whole tree at once: what a build writes is a hundred times the sources.
        watcher.watch(&root, RecursiveMode::NonRecursive).map_err(failed)?;
        for folder in sources(&root) {
            watcher.watch(&folder, RecursiveMode::Recursive).map_err(failed)?;
        }
        Ok(Self { _watcher: watcher, changes })
    }

    /// Waits for a change, and until it is over.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while timeout(QUIET, self.changes.recv()).await.is_ok() {}
    }
}

/// The folders right below `root` that hold sources.
fn sources(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !is_foreign(path, root)).collect()
}

fn is_change(event: &Event, root: &Path) -> bool {
    let is_write = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
    // Cargo writes its lock beside the sources while it builds.
    let is_source = |path: &PathBuf| !is_foreign(path, root) && !path.ends_with("Cargo.lock");
    is_write && event.paths.iter().any(is_source)
}

fn is_foreign(path: &Path, root: &Path) -> bool {
    let first = path.strip_prefix(root).ok().and_then(|rest| rest.components().next());
    first.is_some_and(|first| NOT_SOURCES.iter().any(|name| first.as_os_str() == *name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_saved_source_is_a_change_and_a_build_is_none() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["src", "target"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let mut watch = Watch::begin(dir.path()).unwrap();
        fs::write(dir.path().join("target/a.wasm"), "x").unwrap();
        fs::write(dir.path().join("Cargo.lock"), "x").unwrap();
        let quiet = timeout(Duration::from_millis(500), watch.changed()).await;
        assert!(quiet.is_err(), "what a build writes is no change");
        fs::write(dir.path().join("src/lib.rs"), "x").unwrap();
        timeout(Duration::from_secs(10), watch.changed()).await.expect("a change");
        fs::write(dir.path().join("Cargo.toml"), "x").unwrap();
        timeout(Duration::from_secs(10), watch.changed()).await.expect("a change beside the folders");
    }
}
