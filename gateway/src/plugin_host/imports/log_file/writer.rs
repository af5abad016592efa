//! The thread that writes: each append in its order, with files that stay open.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use super::{Append, Waiting};
use crate::plugin_host::assignment::{Quota, Rate};

/// Pause after a wake-up, so that one wake-up serves many writes.
const GATHER: Duration = Duration::from_millis(5);
/// Files that are kept open, and files whose failures are counted.
const MAX_FILES: usize = 64;
/// What the log says of one file that cannot be written: under load there is a batch every millisecond.
const REPORTS: Rate = Rate { window: Duration::from_secs(10), lines: 1, bytes: u32::MAX };

/// The files, and who waits for them.
pub(super) struct Writer {
    open: HashMap<PathBuf, File>,
    failing: HashMap<PathBuf, Quota>,
    started: Instant,
    waiting: Waiting,
}

impl Writer {
    pub(super) fn new(waiting: Waiting) -> Self {
        Self { open: HashMap::new(), failing: HashMap::new(), started: Instant::now(), waiting }
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, appends: &Receiver<Append>) {
        while let Ok(first) = appends.recv() {
            thread::park_timeout(GATHER);
            for append in std::iter::once(first).chain(appends.try_iter()) {
                self.finish(&append);
            }
        }
    }

    /// Makes one write, and counts it off.
    fn finish(&mut self, append: &Append) {
        if let Err(error) = self.write(append) {
            self.open.remove(&append.path);
            self.complain(&append.path, &error);
        }
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(append.size());
        if *waiting == 0 {
            self.waiting.1.notify_all();
        }
    }

    fn write(&mut self, append: &Append) -> io::Result<()> {
        if append.reopen {
            self.open.remove(&append.path);
        }
        if let Some(mut file) = self.open.get(&append.path) {
            return file.write_all(&append.data);
        }
        if self.open.len() >= MAX_FILES {
            self.open.clear();
        }
        let mut file = open(&append.path)?;
        file.write_all(&append.data)?;
        self.open.insert(append.path.clone(), file);
        Ok(())
    }

    /// Tells the operator, now and then.
    fn complain(&mut self, path: &Path, error: &io::Error) {
        let Some(left_out) = self.report(path) else { return };
        let is_closed = error.kind() == io::ErrorKind::PermissionDenied;
        let hint = if is_closed { "; is it in one of plugin_log_folders?" } else { "" };
        tracing::error!(path = %path.display(), %error, left_out, "a log file cannot be written{hint}");
    }

    /// Whether a report about a file is due, and how many were left out before it.
    fn report(&mut self, path: &Path) -> Option<u64> {
        if self.failing.len() >= MAX_FILES && !self.failing.contains_key(path) {
            self.failing.clear();
        }
        let quota = self.failing.entry(path.to_owned()).or_default();
        quota.take(self.started.elapsed(), 0, &REPORTS)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_reported_now_and_then() {
        let mut writer = Writer::new(Waiting::default());
        let [one, other] = ["/one.log", "/other.log"].map(Path::new);
        assert_eq!(writer.report(one), Some(0));
        let more: Vec<_> = (0..1000).filter_map(|_| writer.report(one)).collect();
        assert!(more.len() <= 1, "{more:?}: a second one if ten seconds have just begun");
        assert_eq!(writer.report(other), Some(0), "each file by itself");
        let others = (0..1000).filter(|n| writer.report(&one.join(n.to_string())).is_some()).count();
        assert_eq!(others, 1000);
        assert!(writer.failing.len() <= MAX_FILES, "what is counted has a bound");
    }
}
