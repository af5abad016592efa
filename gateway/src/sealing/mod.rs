//! Seals texts with keys that the operator provides, so that they can lie on a disk.
//!
//! AES-256-GCM with a random nonce each time. What is sealed is bound to its place: moved to another
//! one, it does not open. The first key seals; all of them open, so that keys can be changed one after
//! the other. It deliberately knows neither which texts are secrets nor where they are kept.

mod index_key;
mod keyring;

pub use index_key::{IndexKey, KEYED};
pub use keyring::{Keyring, KeyringError, OpenError};
