//! Opening the file anew when the operator has rotated it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::AccessLog;

impl AccessLog {
    /// Opens the file anew at each SIGHUP and each SIGUSR1, for ever; run it as a task. When the log
    /// is off it still takes the signals over, whose default is to end the process.
    ///
    /// # Errors
    ///
    /// The operating system's, if it refuses a handler.
    pub async fn reopen_on_signals(self) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut user = signal(SignalKind::user_defined1())?;
        loop {
            let name = tokio::select! {
                _ = hangup.recv() => "SIGHUP",
                _ = user.recv() => "SIGUSR1",
            };
            tracing::info!(signal = name, "opening the access log anew");
            self.reopen();
        }
    }
}
