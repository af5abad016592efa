//! The thread that writes the access log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Lane, Shared};
use crate::config::AccessLogTarget;

/// How long a line may wait.
const EVERY: Duration = Duration::from_millis(100);

/// Where lines go.
#[derive(Debug)]
pub(super) enum Sink {
    Stdout,
    Stderr,
    File { path: PathBuf, file: File },
}

impl Sink {
    pub(super) fn open(target: &AccessLogTarget) -> io::Result<Option<Self>> {
        Ok(match target {
            AccessLogTarget::Off => None,
            AccessLogTarget::Stdout => Some(Self::Stdout),
            AccessLogTarget::Stderr => Some(Self::Stderr),
            AccessLogTarget::File(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                Some(Self::File { path: path.clone(), file: append_to(path)? })
            }
        })
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush()),
            Self::Stderr => io::stderr().write_all(lines.as_bytes()),
            Self::File { file, .. } => file.write_all(lines.as_bytes()),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout | Self::Stderr => {}
            Self::File { path, file } => *file = append_to(path)?,
        }
        Ok(())
    }
}

fn append_to(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

pub(super) fn start(sink: Sink, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer { sink, shared, taken: String::new(), failing: false };
    std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run())
}

/// Lines in `text`.
pub(super) fn count_lines(text: &str) -> u64 {
    u64::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u64::MAX)
}

struct Writer {
    sink: Sink,
    shared: Arc<Shared>,
    /// Swapped with the lanes in turn, so that their memory is used again.
    taken: String,
    failing: bool,
}

impl Writer {
    fn run(&mut self) {
        loop {
            // Asked before the lanes are emptied: what came before the order to finish is written.
            let last = self.shared.finish.load(Ordering::Relaxed);
            if self.shared.reopen.swap(false, Ordering::Relaxed) {
                let opened = self.sink.reopen();
                self.note(&opened);
            }
            self.empty_lanes();
            if last {
                return;
            }
            std::thread::park_timeout(EVERY);
        }
    }

    fn empty_lanes(&mut self) {
        let lanes: Vec<Arc<Lane>> = {
            let mut lanes = self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            // A lane without a worker and without lines is not needed any more.
            lanes.retain(|lane| {
                let empty = lane.lines.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
                Arc::strong_count(lane) > 1 || !empty
            });
            lanes.clone()
        };
        for lane in lanes {
            std::mem::swap(&mut *lane.lines.lock().unwrap_or_else(PoisonError::into_inner), &mut self.taken);
            if !self.taken.is_empty() {
                self.write_taken();
            }
        }
    }

    fn write_taken(&mut self) {
        let lines = count_lines(&self.taken);
        let written = self.sink.write(&self.taken);
        let counter = if written.is_ok() { &self.shared.written } else { &self.shared.dropped };
        counter.fetch_add(lines, Ordering::Relaxed);
        self.note(&written);
        self.taken.clear();
    }

    /// Says once that it fails and once that it works again.
    fn note(&mut self, done: &io::Result<()>) {
        match done {
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!(%error, "the access log cannot be written; lines are dropped");
            }
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("the access log is written again");
            }
            Err(_) | Ok(()) => {}
        }
    }
}
