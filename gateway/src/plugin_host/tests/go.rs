//! A Go plugin lives as long as it is let: the collector runs in it, and never while values cross.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::{Fixture, exchange, spec};
use crate::exchange::HeaderEdit;
use crate::plugin_host::guest::{Held, Outcome, RequestVerdict, Work, start};
use crate::plugin_host::verify;

/// Calls of the one instance; `WEIR_GO_CALLS` sets another number. Without an arena of our own it was
/// dead after some 1200.
const CALLS: usize = 20_000;
/// Ticks, ample: what a call may take is the subject of other tests.
const BUDGET: u64 = 10_000;

#[tokio::test]
async fn an_instance_lives_through_collections_without_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/go-churn");
    let path = weir_plugin_build::build(&folder, &weir_plugin_build::Options::default()).unwrap();
    let fixture = Fixture::new();
    let assignment = fixture.assign(std::fs::read(path).unwrap(), &spec()).await;
    let core = &assignment.core;
    let permit = fixture.host.services().capacity.acquire(&core.plugin.alive).unwrap();
    let (mut instance, configured) = start(core, permit).unwrap();
    configured.unwrap();
    let calls = std::env::var("WEIR_GO_CALLS").map_or(CALLS, |text| text.parse().unwrap());
    let begun = Instant::now();
    let (mut settled, first) = (0, instance.state().memory.used());
    for call in 1..=calls {
        instance.begin(Some(exchange()), BUDGET);
        // Once in a while more than the arena holds, in one value and in many.
        let size = if call % 500 == 0 { 64 << 10 } else { call % 50 };
        let sent = Sent::of(size, if call % 700 == 0 { 990 } else { 5 });
        let answer = instance.run(&sent.work()).unwrap_or_else(|error| panic!("call {call}: {error}"));
        sent.check(answer, call);
        let used = instance.state().memory.used();
        if call == calls / 4 {
            settled = used;
        }
        assert!(used <= settled.max(32 << 20), "call {call}: {used} bytes, {settled} before");
    }
    let (took, last) = (begun.elapsed(), instance.state().memory.used());
    eprintln!(
        "{calls} calls in {took:?}; bytes of memory: {first} before, {settled} after a quarter, {last} at the end"
    );
}

/// What one call is handed.
struct Sent {
    value: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Sent {
    fn of(size: usize, headers: usize) -> Self {
        let header = |at: usize| {
            let name = HeaderName::from_bytes(format!("h{at}").as_bytes()).unwrap();
            (name, HeaderValue::from_str(&format!("value {at}")).unwrap())
        };
        let value = (0..size).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect();
        Self { value, headers: (0..headers).map(header).collect() }
    }

    fn work(&self) -> Work {
        Work::RequestHead(vec![
            Held::Path("/some/path?q".parse().unwrap()),
            Held::Bytes(Bytes::from(self.value.clone())),
            Held::Headers(self.headers.clone()),
        ])
    }

    fn check(&self, answer: Outcome, call: usize) {
        let Outcome::RequestHead(verdict) = answer else { panic!("call {call}: another phase") };
        let RequestVerdict::Proceed(proceed) = verdict else { panic!("call {call}: an answer") };
        assert_eq!(proceed.carry.as_deref(), Some(call.to_string().as_bytes()), "the same instance");
        let edits = verify::edits(proceed.edits).unwrap();
        let sent = edits.iter().map(|edit| match edit {
            HeaderEdit::Set(name, value) | HeaderEdit::Append(name, value) => {
                (name.to_string(), value.as_bytes().to_vec())
            }
            HeaderEdit::Remove(_) | HeaderEdit::RemovePrefix(_) => panic!("call {call}: {edit:?}"),
        });
        let mut want = vec![
            ("x-path".to_owned(), b"/some/path".to_vec()),
            ("x-value".to_owned(), self.value.clone().into_bytes()),
        ];
        want.extend(
            self.headers.iter().map(|(name, value)| (format!("x-{name}"), value.as_bytes().to_vec())),
        );
        assert!(sent.eq(want), "call {call}: {edits:?}");
    }
}
