//! Kong's three kinds of ids.
//!
//! Where Kong names the worker process, these ids name the instance of the plugin: it too serves one
//! request after the other, and counts them from 1.

use std::fmt::Write;

use weir_plugin_sdk::{Input, InputList, Inputs, Slot, random};

use crate::config::Generator;

/// Process ids of Linux are below this.
const PIDS: u32 = 1 << 22;

/// Makes the ids of one instance.
pub(crate) enum Ids {
    Uuid,
    Counted(Counted),
    Tracked(Tracked),
}

/// `<uuid of the instance>#<number of the request>`.
pub(crate) struct Counted {
    /// Drawn with the first request: a plugin that is only configured needs none.
    uuid: Option<String>,
    requests: u64,
}

/// `<address>-<port>-<process>-<connection>-<request of the connection>-<time>`.
///
/// A plugin is told neither the gateway's end of a connection nor the number of the connection. The
/// client's address and port stand for the gateway's; a number that the instance drew for the process;
/// and each request counts as the first one of a connection, so that the id is still unlike all others.
pub(crate) struct Tracked {
    address: Slot,
    port: Slot,
    started_at: Slot,
    process: Option<u32>,
    requests: u64,
}

impl Ids {
    pub(crate) fn new(generator: Generator, inputs: &mut InputList) -> Self {
        match generator {
            Generator::Uuid => Self::Uuid,
            Generator::UuidCounter => Self::Counted(Counted { uuid: None, requests: 0 }),
            Generator::Tracker => Self::Tracked(Tracked {
                address: inputs.want(Input::ClientIp),
                port: inputs.want(Input::ClientPort),
                started_at: inputs.want(Input::StartedAtUnixMs),
                process: None,
                requests: 0,
            }),
        }
    }

    pub(crate) fn next(&mut self, inputs: &Inputs) -> String {
        match self {
            Self::Uuid => uuid(),
            Self::Counted(counted) => counted.next(),
            Self::Tracked(tracked) => tracked.next(inputs),
        }
    }
}

impl Counted {
    fn next(&mut self) -> String {
        self.requests += 1;
        format!("{}#{}", self.uuid.get_or_insert_with(uuid), self.requests)
    }
}

impl Tracked {
    fn next(&mut self, inputs: &Inputs) -> String {
        self.requests += 1;
        let address = inputs.text(self.address).unwrap_or_default();
        let port = inputs.number(self.port).unwrap_or_default();
        let process = *self.process.get_or_insert_with(process);
        let now = inputs.number(self.started_at).unwrap_or_default();
        let (seconds, milliseconds) = (now / 1000, now % 1000);
        format!("{address}-{port}-{process}-{}-1-{seconds}.{milliseconds:03}", self.requests)
    }
}

fn process() -> u32 {
    let number = random::bytes(4).into_iter().fold(0, |number, byte| number << 8 | u32::from(byte));
    number % PIDS
}

/// A random UUID: version 4 of RFC 9562.
fn uuid() -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in random::bytes(16).into_iter().enumerate() {
        let byte = match at {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a text cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}
