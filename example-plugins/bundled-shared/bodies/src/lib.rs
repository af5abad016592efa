//! What the plugins that look into bodies have in common: how a body is written, and the fields of forms, JSON objects
//! and forms in parts, with what is not touched left as it was sent.

pub mod form;
#[cfg(test)]
mod fuzz_tests;
pub mod json;
mod kind;
pub mod multipart;
mod parameters;

pub use kind::{Kind, content_type, is_compressed};
