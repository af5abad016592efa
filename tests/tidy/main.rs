//! Rules about the code itself, as tests: who may import whom, how large things may be, what the
//! docs must name. They read the sources; they build nothing.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic, in its helpers too")]

mod dependencies;
mod docs;
mod imports;
mod names;
mod shape;
mod source;
