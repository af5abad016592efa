//! `log-file`: appends to files that the operator granted. A thread does the writing, since a disk
//! that hangs must not stop a worker.

mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Result;

use self::writer::Writer;
use crate::plugin_host::bindings::weir::plugin::log_file::Host;
use crate::plugin_host::guest::CallState;

/// Writes that may wait.
const MAX_WAITING: usize = 4096;
/// Bytes of all of them: a disk that hangs must not take the memory.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Bytes of one write.
const MAX_WRITE: usize = 4 << 20;

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

/// Bytes that wait, and a word when there are none.
type Waiting = Arc<(Mutex<usize>, Condvar)>;

/// The way to the writing thread.
pub(crate) struct LogFiles {
    queue: SyncSender<Append>,
    waiting: Waiting,
}

impl LogFiles {
    /// Starts the thread; it ends with the last sender.
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, appends) = sync_channel(MAX_WAITING);
        let waiting = Waiting::default();
        let writer = Writer::new(Arc::clone(&waiting));
        thread::Builder::new().name("weir-log-files".into()).spawn(move || writer.run(&appends))?;
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

        let writer = Writer::new(Arc::clone(&files.waiting));
        let writer = thread::spawn(move || writer.run(&appends));
        files.flush(Duration::from_secs(60));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), (most * MAX_WRITE) as u64);
        assert!(append(b"z".to_vec()).is_ok(), "there is room again");
        drop(files);
        writer.join().unwrap();
        assert!(std::fs::read(&path).unwrap().ends_with(b"z"));
    }
}
