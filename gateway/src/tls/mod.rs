//! TLS towards clients: certificates and keys, names, ciphers, and handshakes as a server.
//!
//! Which certificates there are is a matter of whoever asks for a handshake ([`Find`]): the proxy looks into
//! the snapshot, so that a change is live with the next handshake and touches no connection. TLS towards
//! upstreams is `client`'s.

mod names;
mod pair;
pub mod self_signed;
mod server;
mod suites;

pub use names::Certificates;
pub use pair::{PairError, Pairs, read_pair};
pub use server::{Acceptor, Find, ServerStream, client_certificate, settled};
