//! The gateway's log, with the plugin, the assignment and the request id added to each line.

use super::raw::logging;

pub use crate::bindings::imports::weir::plugin::logging::Level;

/// Whether a line of this level would be kept. Worth asking before an expensive message.
pub fn enabled(level: Level) -> bool {
    logging::enabled(level)
}

/// Writes one line with named values.
pub fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    logging::log(level, message, &fields);
}

/// Writes a line that an operator should act on.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    log(Level::Error, message, fields);
}

/// Writes a line that an operator should know of.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    log(Level::Warn, message, fields);
}

/// Writes a line of ordinary work.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    log(Level::Info, message, fields);
}
