//! Connections to other hosts: to upstreams for the proxy, to log sinks and the like for plugins.
//!
//! A [`Pool`] belongs to one worker thread and takes no lock. [`Fetcher`] is for plugins' outbound
//! calls: shared, off the request path, with a few idle connections of its own, and with the address check that keeps them out of private
//! networks. Neither follows redirects nor retries; that is for the caller to decide.

mod call;
mod connect;
mod connection;
mod error;
mod exchange_error;
mod fetch;
mod h1;
mod h2;
mod head;
mod links;
mod pool;
mod probe;
mod shelf;
mod stream;
mod tls;
mod unsent;

pub use call::{CallRequest, CallResponse};
pub use connect::{Connect, Endpoint, Speaks};
pub use connection::{Connection, ResponseHead};
pub use error::ClientError;
pub use exchange_error::ExchangeError;
pub use fetch::{FetchError, FetchRequest, FetchResponse, Fetcher};
pub use h1::Upgraded;
pub use head::HeadWriter;
pub use pool::{Pool, PoolSettings};
/// Why TLS cannot be set up.
pub use rustls::Error as TlsError;
pub use stream::Stream;
pub use tls::{
    Tls, TlsDefaults, TlsIdentity, TlsMaterialError, TlsProfile, TlsRequirements, TlsRoots, TlsTo, TlsVerify,
};
pub use unsent::{Taken, Unsent};
