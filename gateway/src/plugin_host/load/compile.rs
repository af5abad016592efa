//! Compiles components in processes of their own: one at a time, but when a gateway starts.

use std::path::PathBuf;
use std::process::Stdio;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::plugin_host::{AdmissionError, Fuel};

/// Processes that compile at once, whatever the number of processors: each takes tens of megabytes.
const MOST_AT_ONCE: usize = 4;
/// Wall time of one compilation, in multiples of its processor time: it runs at low priority.
const WALL_FACTOR: u32 = 2;
/// Bytes of an artifact.
const MAX_ARTIFACT: u64 = 128 << 20;
/// Bytes of what the compiler has to say when it fails.
const MAX_WORDS: u64 = 4 << 10;

/// Starts compiler processes.
pub(crate) struct Compiler {
    program: PathBuf,
    time: Duration,
    fuel: Fuel,
    turns: Semaphore,
}

/// While it lives, several compile at once.
pub(crate) struct Hurry<'a> {
    turns: &'a Semaphore,
    /// How many.
    pub(crate) at_once: usize,
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.turns.forget_permits(self.at_once - 1);
    }
}

impl Compiler {
    /// A compiler that runs `program __compile` for `time` of a processor at most.
    pub(crate) fn new(program: PathBuf, time: Duration, fuel: Fuel) -> Self {
        Self { program, time, fuel, turns: Semaphore::new(1) }
    }

    /// Lets several compile at once until the answer is dropped: a gateway that starts has no requests to spare
    /// processor time for.
    pub(crate) fn hurry(&self) -> Hurry<'_> {
        let at_once = available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
        self.turns.add_permits(at_once - 1);
        Hurry { turns: &self.turns, at_once }
    }

    /// Machine code for `component`.
    ///
    /// # Errors
    ///
    /// [`AdmissionError::Compile`] with the compiler's words, or the limit that it hit.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, AdmissionError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        #[cfg(test)]
        if self.program.as_os_str() == "in this process" {
            return super::compile_child::machine_code(component, self.fuel).map_err(AdmissionError::Compile);
        }
        let wall = self.time.saturating_mul(WALL_FACTOR);
        let late = || AdmissionError::Compile(format!("it took longer than {} s", wall.as_secs()));
        timeout(wall, self.run(component)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn run(&self, component: &[u8]) -> Result<Vec<u8>, AdmissionError> {
        let internal = |error: std::io::Error| AdmissionError::Internal(format!("the compiler: {error}"));
        let mut child = Command::new(&self.program)
            .arg("__compile")
            .arg(self.time.as_secs().max(1).to_string())
            .args((self.fuel == Fuel::Counted).then_some("--fuel"))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(internal)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut input), Some(output), Some(errors)) = pipes else {
            return Err(AdmissionError::Internal("the compiler has no pipes".into()));
        };
        let feed = async move {
            // A compiler that has died closes its end; its words say why.
            drop(input.write_all(component).await);
            drop(input);
        };
        let (mut artifact, mut words) = (Vec::new(), Vec::new());
        let mut output = output.take(MAX_ARTIFACT + 1);
        let mut errors = errors.take(MAX_WORDS);
        let read =
            async { tokio::try_join!(output.read_to_end(&mut artifact), errors.read_to_end(&mut words)) };
        let ((), read) = tokio::join!(feed, read);
        read.map_err(internal)?;
        if artifact.len() as u64 > MAX_ARTIFACT {
            return Err(AdmissionError::Compile("its machine code has more than 128 MiB".into()));
        }
        let status = child.wait().await.map_err(internal)?;
        if status.success() {
            return Ok(artifact);
        }
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        let died = status.code().is_none() || words.is_empty();
        let reason = if died { format!("the compiler hit its limits ({status}) {words}") } else { words };
        Err(AdmissionError::Compile(reason))
    }
}
