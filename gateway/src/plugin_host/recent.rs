//! The latest log lines of each plugin on this node, for authors who look on.
//!
//! A call never waits for a reader: lines go into a ring without a lock, the oldest making way, and a
//! reader moves them to where it can read them again. Both are bounded, and so is each line. This is no
//! log store: the gateway's own log has the same lines, and keeps them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_queue::ArrayQueue;
use serde::Serialize;

/// Lines that are kept of one plugin, read or not.
const LINES: usize = 256;
/// Bytes of the message and the fields of a line that are kept.
const LINE_BYTES: usize = 4 << 10;
/// Plugins whose lines are kept.
const PLUGINS: usize = 256;

/// One line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Counts the lines of the plugin on this node, from 1.
    pub number: u64,
    /// When, in Unix milliseconds.
    pub at_unix_ms: u64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The request that was served; empty outside of one.
    pub request_id: String,
    /// What was said.
    pub message: String,
    /// Named values.
    pub fields: Vec<(String, String)>,
}

impl LogLine {
    /// Cuts the texts to what is kept of a line.
    fn shorten(&mut self) {
        let mut left = LINE_BYTES;
        let texts = self.fields.iter_mut().flat_map(|(name, value)| [name, value]);
        for text in std::iter::once(&mut self.message).chain(texts) {
            text.truncate(text.floor_char_boundary(left));
            text.shrink_to_fit();
            left -= text.len();
        }
        self.fields.retain(|(name, _)| !name.is_empty());
    }
}

/// The latest lines of one plugin.
pub struct RecentLog {
    incoming: ArrayQueue<Box<LogLine>>,
    /// Lines that made way before anybody read them.
    unread: AtomicU64,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    lines: VecDeque<Arc<LogLine>>,
    /// Number of the latest line.
    last: u64,
}

impl RecentLog {
    fn new() -> Self {
        Self { incoming: ArrayQueue::new(LINES), unread: AtomicU64::new(0), read: Mutex::default() }
    }

    /// Keeps a line. Never waits.
    pub(crate) fn push(&self, mut line: LogLine) {
        line.shorten();
        if self.incoming.force_push(Box::new(line)).is_some() {
            self.unread.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The lines behind the one numbered `after`, oldest first. A gap in the numbers is lines that made
    /// way.
    pub fn after(&self, after: u64) -> Vec<Arc<LogLine>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.last += self.unread.swap(0, Ordering::Relaxed);
        // Bounded, should lines come in faster than they are moved.
        for _ in 0..LINES {
            let Some(mut line) = self.incoming.pop() else { break };
            read.last += 1;
            line.number = read.last;
            if read.lines.len() == LINES {
                read.lines.pop_front();
            }
            read.lines.push_back(line.into());
        }
        read.lines.iter().filter(|line| line.number > after).cloned().collect()
    }
}

/// The lines of all plugins.
#[derive(Default)]
pub(crate) struct RecentLogs(Mutex<HashMap<String, Arc<RecentLog>>>);

impl RecentLogs {
    /// Where the lines of `plugin` are kept. Asked when an assignment is made, never on a request.
    pub(crate) fn of(&self, plugin: &str) -> Arc<RecentLog> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(plugin) {
            return Arc::clone(known);
        }
        if all.len() >= PLUGINS {
            all.retain(|_, log| Arc::strong_count(log) > 1);
        }
        let log = Arc::new(RecentLog::new());
        if all.len() < PLUGINS {
            all.insert(plugin.to_owned(), Arc::clone(&log));
        }
        log
    }

    /// The lines of `plugin`, if it was ever assigned here.
    pub(crate) fn find(&self, plugin: &str) -> Option<Arc<RecentLog>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(plugin).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine {
            number: 0,
            at_unix_ms: 1,
            level: "info",
            plugin: "p".into(),
            version: "1.0.0".into(),
            request_id: String::new(),
            message: message.into(),
            fields: vec![("a".into(), "b".into())],
        }
    }

    #[test]
    fn readers_see_each_line_as_often_as_they_ask_and_gaps_as_gaps() {
        let log = RecentLog::new();
        log.push(line("one"));
        log.push(line("two"));
        let said = |after| {
            let lines = log.after(after);
            lines.iter().map(|line| (line.number, line.message.clone())).collect::<Vec<_>>()
        };
        assert_eq!(said(0), [(1, "one".into()), (2, "two".into())]);
        assert_eq!(said(1), [(2, "two".into())], "again, from there on");
        for number in 0..LINES + 10 {
            log.push(line(&number.to_string()));
        }
        let late = said(2);
        assert_eq!(late.len(), LINES, "the oldest made way");
        assert_eq!(late.first(), Some(&(13, "10".into())), "ten numbers are missing");
    }

    #[test]
    fn a_line_is_cut_to_what_is_kept() {
        let log = RecentLog::new();
        log.push(line(&"é".repeat(LINE_BYTES)));
        let kept = log.after(0);
        assert_eq!((kept[0].message.len(), kept[0].fields.len()), (LINE_BYTES, 0));
    }

    #[test]
    fn plugins_that_nobody_uses_make_way() {
        let logs = RecentLogs::default();
        let used = logs.of("used");
        for number in 0..PLUGINS * 2 {
            logs.of(&number.to_string());
        }
        assert!(Arc::ptr_eq(&used, &logs.of("used")));
        assert!(logs.0.lock().unwrap().len() <= PLUGINS);
    }
}
