//! What a test's thread writes to the log, and what operators see of calls.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use super::guests::Guest;
use super::{Fixture, reason, spec};
use crate::plugin_host::AssignmentSpec;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log of this thread, from its beginning to its drop.
pub(super) struct Seen {
    buffer: Buffer,
    _guard: DefaultGuard,
}

impl Seen {
    pub(super) fn begin() -> Self {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(Level::DEBUG)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .finish();
        Self { buffer, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Lines that hold `part`.
    pub(super) fn lines(&self, part: &str) -> Vec<String> {
        let bytes = self.buffer.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_trap_is_told_with_the_names_of_its_functions_and_not_with_each_request() {
    let fixture = Fixture::new();
    let guest = Guest {
        request_head: "(call $where_it_breaks)",
        more: "(func $where_it_breaks unreachable)",
        ..Guest::default()
    };
    let off = AssignmentSpec { sandbox: json!({ "breaker": { "failures": 0 } }), ..spec() };
    let assignment = fixture.assign(guest.build(), &off).await;
    let seen = Seen::begin();
    for _ in 0..200 {
        assert_eq!(reason(&fixture.request(&assignment).await.1), "plugin-trap");
    }
    let traces = seen.lines("where_it_breaks").len();
    // Two windows, should a border fall into the test.
    assert!((1..=2).contains(&traces), "{traces} backtraces");
    let reports = seen.lines("reason=\"plugin-trap\"");
    assert!((5..=10).contains(&reports.len()), "{} reports", reports.len());
    assert!(reports[0].contains("version=\"1.0.0\"") && reports[0].contains("request_id="), "{}", reports[0]);
}

#[tokio::test]
async fn a_call_is_a_span_for_those_who_ask() {
    let fixture = Fixture::new();
    let assignment = fixture.assign(Guest::default().build(), &spec()).await;
    fixture.request(&assignment).await;
    let seen = Seen::begin();
    fixture.request(&assignment).await;
    let spans = seen.lines("plugin call");
    assert_eq!(spans.len(), 1, "{spans:?}");
    for part in ["plugin=\"guest\"", "phase=RequestHead", "outcome=\"answered\"", "close"] {
        assert!(spans[0].contains(part), "{part} in {}", spans[0]);
    }
}
