//! How much memory one instance may take.

use wasmtime::ResourceLimiter;

/// Counts the memories of one store against its limit.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    used: usize,
    /// Used once the plugin was configured; 0 before.
    settled: usize,
    refused: bool,
}

/// Elements of one table; tables do not grow in a sane plugin.
const MAX_TABLE: usize = 100_000;

/// Memory that an instance may grow to, whatever it began with.
const SMALL: usize = 4 << 20;

impl MemoryLimiter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, settled: 0, refused: false }
    }

    /// Bytes of linear memory in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Takes the present size as the one that growth is measured by.
    pub(crate) fn settle(&mut self) {
        self.settled = self.used;
    }

    /// Whether the guest grew to more than twice its settled size: time for a new instance. A small
    /// guest may first grow to what its work needs, such as a batch of log entries.
    pub(crate) fn has_grown(&self) -> bool {
        self.used > self.settled.saturating_mul(2).max(SMALL)
    }

    /// Whether memory was refused to the guest.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(wanted.saturating_sub(current));
        if used > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(wanted <= MAX_TABLE)
    }
}
