//! What the operating system says about the process, under the names of Prometheus' own clients.

use super::exposition::{Exposition, Kind};

/// Linux shows times in these whatever the kernel was built with.
const TICKS_PER_SECOND: f64 = 100.0;
/// On every machine that the gateway is built for.
const PAGE_BYTES: u64 = 4096;

/// Memory, CPU time and open files; nothing where the system does not tell.
pub(super) fn collect(out: &mut Exposition) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return;
    };
    if let Some((ticks, pages)) = parse(&stat) {
        out.family("process_cpu_seconds_total", Kind::Counter, "CPU time used, user and system.");
        out.sample(&[], ticks / TICKS_PER_SECOND);
        out.family("process_resident_memory_bytes", Kind::Gauge, "Memory in use.");
        out.sample(&[], pages * PAGE_BYTES);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        out.family("process_open_fds", Kind::Gauge, "Open files and sockets.");
        out.sample(&[], files.count());
    }
}

/// Memory in use; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    // proc(5): the second field of statm is the resident set in pages, and cheaper to get than stat.
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// Clock ticks of CPU time and resident pages, from the fields behind the name of the command.
fn parse(stat: &str) -> Option<(f64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // proc(5): utime and stime are fields 14 and 15, rss is field 24; the first two are cut off.
    let user: f64 = fields.get(11)?.parse().ok()?;
    let system: f64 = fields.get(12)?.parse().ok()?;
    Some((user + system, fields.get(21)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_have_brackets_in_its_name() {
        let stat = "1 (a) b) S 0 0 0 0 0 0 0 0 0 0 150 50 0 0 20 0 1 0 9 1000 77 18446744073709551615";
        assert_eq!(parse(stat), Some((200.0, 77)));
        assert_eq!(parse("1 (a"), None);
    }
}
