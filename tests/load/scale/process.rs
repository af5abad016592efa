//! What a process takes: its memory and its processor time, as the kernel counts them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// A command that ran to its end.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) took: Duration,
    pub(super) processor: Duration,
    pub(super) peak_mb: u64,
}

/// Runs a command and watches what it takes.
pub(super) async fn run(command: &mut Command) -> anyhow::Result<Ran> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let (mut peak_mb, mut processor) = (0, Duration::ZERO);
    loop {
        if let Some(status) = child.try_wait()? {
            let took = began.elapsed();
            let mut said = String::new();
            if let Some(mut errors) = child.stderr.take() {
                std::io::Read::read_to_string(&mut errors, &mut said)?;
            }
            ensure!(status.success(), "{command:?}: {status} {said}");
            return Ok(Ran { took, processor, peak_mb });
        }
        peak_mb = megabytes(child.id(), "VmHWM").unwrap_or(peak_mb);
        processor = processor_time(child.id()).unwrap_or(processor);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A line of `/proc/PID/status`, such as `VmRSS`.
pub(super) fn megabytes(pid: u32, line: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|text| text.split_whitespace().next()).context("the line")?;
    Ok(kilobytes.parse::<u64>()? / 1024)
}

fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    // A hundred ticks a second, on every Linux of our days.
    Ok(Duration::from_millis(ticks * 10))
}
