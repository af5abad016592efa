//! What a build says on standard error while it goes on.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints `text` as one line. That nobody reads it is no reason to fail.
pub(crate) fn tell(text: impl Display) {
    _ = writeln!(io::stderr(), "{text}");
}
