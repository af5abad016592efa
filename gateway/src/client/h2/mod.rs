//! HTTP/2 as a client (RFC 9113): many exchanges on one connection, each driven by the task that waits for its
//! answer.
//!
//! A [`Link`] is a connection; its frames are moved by a task of its own, nothing else is. An [`Exchange`] is a
//! stream of it and behaves like a connection of HTTP/1.1: whoever asks for the response also moves the request's
//! body on, and whoever drops it has the stream reset. What is on its way is bounded by windows on the way in
//! and by one piece of the body on the way out.
//!
//! Deliberately not here: deadlines, retries, header rules, and server push, which is switched off.

mod exchange;
mod link;
#[cfg(test)]
mod tests;
mod upload;

pub(super) use exchange::Exchange;
pub(super) use link::Link;
