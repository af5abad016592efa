//! The data plane: life of a request.
//!
//! A `worker` owns one thread. Its `listener` accepts, each `connection` speaks HTTP/1.1 or
//! `http2` and keeps a `deadline`, `handle` tells one request from head to response, `forward` gets the
//! upstream's answer, and whoever drops the last piece of an exchange (`finish`) has it logged. What is not
//! HTTP is a `stream`.
//! It knows neither the store nor the Admin API: everything that a request needs stands in the
//! snapshot that it loads once.

mod body;
mod body_pace;
mod carry;
mod certificates;
mod client_io;
mod connection;
mod deadline;
mod early;
mod error;
mod finish;
mod forward;
mod function;
mod handle;
mod hash_key;
mod headers;
mod hold;
mod http2;
mod ids;
mod listener;
mod opening;
mod overload;
mod place;
mod pressure;
mod protocols;
mod proxy_protocol;
mod real_ip;
mod respond;
mod response_phase;
mod retries;
mod server_timing;
mod sleep;
mod stream;
mod strict;
mod strict_chunk;
mod strict_head;
mod strict_host;
mod tunnel;
mod unread;
mod warming;
mod worker;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod promised_tests;

pub use body::{BodyError, ResponseBody};
pub use certificates::LiveCertificates;
pub use error::{Blame, ProxyError};
pub use listener::{Serves, Socket, bind, bind_datagrams};
pub use pressure::MemoryPressure;
pub use worker::{WorkerParts, run};
