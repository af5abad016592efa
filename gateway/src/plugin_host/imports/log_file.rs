//! `log-file`: appends to files that the operator granted. A thread does the writing, since a disk
//! that hangs must not stop a worker.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::log_file::Host;
use crate::plugin_host::guest::CallState;

/// Writes that may wait.
const MAX_WAITING: usize = 4096;
/// Bytes of all of them: a disk that hangs must not take the memory.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Bytes of one write.
const MAX_WRITE: usize = 4 << 20;
/// Pause after a wake-up, so that one wake-up serves many writes.
const GATHER: Duration = Duration::from_millis(5);
/// Files that are kept open.
const MAX_OPEN: usize = 64;

struct Append {
    path: PathBuf,
    data: Vec<u8>,
    reopen: bool,
}

impl Append {
    /// What it counts for; an empty one counts too, since it is waited for.
    fn size(&self) -> usize {
        self.data.len() + 1
    }
}

/// The way to the writing thread.
pub(crate) struct LogFiles {
    queue: SyncSender<Append>,
    /// Bytes that wait, and a word when there are none.
    waiting: Arc<(Mutex<usize>, Condvar)>,
}

impl LogFiles {
    /// Starts the thread; it ends with the last sender.
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, appends) = sync_channel(MAX_WAITING);
        let waiting = Arc::<(Mutex<usize>, Condvar)>::default();
        let done = Arc::clone(&waiting);
        thread::Builder::new().name("weir-log-files".into()).spawn(move || run(&appends, &done))?;
        Ok(Self { queue, waiting })
    }

    fn append(&self, append: Append) -> std::result::Result<(), String> {
        let size = append.size();
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting + size > MAX_WAITING_BYTES {
            return Err("too many bytes are waiting to be written".to_owned());
        }
        self.queue.try_send(append).map_err(|error| match error {
            TrySendError::Full(_) => "too many writes are waiting".to_owned(),
            TrySendError::Disconnected(_) => "the writer has ended".to_owned(),
        })?;
        *waiting += size;
        Ok(())
    }

    /// Waits until everything is written, `longest` at most. Blocks the thread.
    pub(crate) fn flush(&self, longest: Duration) {
        let waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.waiting.1.wait_timeout_while(waiting, longest, |waiting| *waiting > 0));
    }
}

fn run(appends: &Receiver<Append>, done: &(Mutex<usize>, Condvar)) {
    let mut files = HashMap::new();
    while let Ok(first) = appends.recv() {
        thread::park_timeout(GATHER);
        for append in std::iter::once(first).chain(appends.try_iter()) {
            finish(&mut files, &append, done);
        }
    }
}

/// Makes one write, and counts it off.
fn finish(files: &mut HashMap<PathBuf, File>, append: &Append, done: &(Mutex<usize>, Condvar)) {
    if let Err(error) = write(files, append) {
        files.remove(&append.path);
        let is_closed = error.kind() == io::ErrorKind::PermissionDenied;
        let hint = if is_closed { "; is it in one of plugin_log_folders?" } else { "" };
        tracing::error!(path = %append.path.display(), %error, "a log file cannot be written{hint}");
    }
    let mut waiting = done.0.lock().unwrap_or_else(PoisonError::into_inner);
    *waiting = waiting.saturating_sub(append.size());
    if *waiting == 0 {
        done.1.notify_all();
    }
}

fn write(files: &mut HashMap<PathBuf, File>, append: &Append) -> io::Result<()> {
    if append.reopen {
        files.remove(&append.path);
    }
    if let Some(mut file) = files.get(&append.path) {
        return file.write_all(&append.data);
    }
    if files.len() >= MAX_OPEN {
        files.clear();
    }
    let mut file = open(&append.path)?;
    file.write_all(&append.data)?;
    files.insert(append.path.clone(), file);
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}

impl Host for CallState {
    fn append(
        &mut self,
        path: String,
        data: Vec<u8>,
        reopen: bool,
    ) -> Result<std::result::Result<(), String>> {
        self.charge()?;
        let path = PathBuf::from(path);
        if !self.core.grants.allows_file(&path) {
            return Ok(Err("denied: the path is not granted".into()));
        }
        if data.len() > MAX_WRITE {
            return Ok(Err("one write may have 4 MiB".into()));
        }
        Ok(self.core.services.files.append(Append { path, data, reopen }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_bytes_and_written_in_order() {
        let (queue, appends) = sync_channel(MAX_WAITING);
        let files = LogFiles { queue, waiting: Arc::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let append = |data: Vec<u8>| files.append(Append { path: path.clone(), data, reopen: false });
        let most = MAX_WAITING_BYTES / MAX_WRITE - 1;
        for place in 0..most {
            assert!(append(vec![b'a' + u8::try_from(place).unwrap(); MAX_WRITE]).is_ok(), "{place}");
        }
        assert!(append(vec![b'-'; MAX_WRITE]).is_err(), "nobody writes, so there is no more room");

        let waiting = Arc::clone(&files.waiting);
        let writer = thread::spawn(move || run(&appends, &waiting));
        files.flush(Duration::from_secs(60));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), (most * MAX_WRITE) as u64);
        assert!(append(b"z".to_vec()).is_ok(), "there is room again");
        drop(files);
        writer.join().unwrap();
        assert!(std::fs::read(&path).unwrap().ends_with(b"z"));
    }
}
