//! What a function writes to its output or error output, as lines of its log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, sink};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::exchange::RequestId;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::imports::{LogLevel, write_log};

/// Bytes of one write.
const MAX_WRITE: usize = 8 << 10;

/// Lines for the log of one call.
#[derive(Clone)]
pub(super) struct LogLines {
    core: Arc<Core>,
    id: Option<RequestId>,
}

impl LogLines {
    pub(super) fn new(core: &Arc<Core>, id: Option<RequestId>) -> Self {
        Self { core: Arc::clone(core), id }
    }
}

impl IsTerminal for LogLines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogLines {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only the interfaces of 0.3 ask for it, which are not linked.
        Box::new(sink())
    }
}

impl OutputStream for LogLines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.core.grants.logging {
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line = String::from_utf8_lossy(line).into_owned();
                write_log(&self.core, self.id.as_ref(), LogLevel::Info, (line, Vec::new()));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[async_trait]
impl Pollable for LogLines {
    async fn ready(&mut self) {}
}
