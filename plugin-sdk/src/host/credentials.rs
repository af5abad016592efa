//! The gateway's consumers and their credentials: capability `credentials`. A look-up may wait for
//! the store when the gateway's cache does not know the answer.

use super::raw::credentials;

pub use crate::bindings::imports::weir::plugin::credentials::{Consumer, Found};

/// The credential of this kind, for instance `keyauth_credentials`, with this unique key.
///
/// # Errors
///
/// A text, if the look-up was denied or the store could not be asked.
pub fn find(kind: &str, key: &str) -> Result<Option<Found>, String> {
    credentials::find(kind, key)
}

/// The credential of this kind with this unique key, as the Admin API prints it: JSON.
///
/// # Errors
///
/// A text, if the look-up was denied or the store could not be asked.
pub fn data(kind: &str, key: &str) -> Result<Option<String>, String> {
    credentials::data(kind, key)
}

/// The consumer with this id or username.
///
/// # Errors
///
/// A text, if the look-up was denied or the store could not be asked.
pub fn find_consumer(id_or_username: &str) -> Result<Option<Consumer>, String> {
    credentials::find_consumer(id_or_username)
}
