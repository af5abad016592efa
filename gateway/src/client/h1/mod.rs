//! HTTP/1.1 as a client (RFC 9112), driven by the task that waits for the answer.
//!
//! A connection has no task and no channels: whoever asks for the response also moves the request's
//! body on, so that a request costs two wake-ups, one for each side that has something to say. What an
//! upstream sends has one reading here or is an error. Deliberately not here: deadlines, retries, header
//! rules; a connection that was not read to the end of a response is closed, never reused.

mod chunked;
mod connection;
mod framing;
mod response;
#[cfg(test)]
mod tests;
mod upgraded;
mod upload;

pub(super) use connection::Connection;
pub use upgraded::Upgraded;
