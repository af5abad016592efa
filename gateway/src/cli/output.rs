//! What commands say on standard output.
//!
//! A reader may leave early (`weir plugin list | head -1`). What is said from then on goes nowhere, and the
//! command does the rest of its work: an upload is not undone because nobody reads about it. The signal that
//! would end other programs here (SIGPIPE) is off in this one, whose sockets must survive their other ends.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Standard output cannot be written to: a disk is full, for instance.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written")]
pub struct OutputError(#[from] io::Error);

/// Whether there is somebody who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// As far as this process knows.
    Yes,
    /// Standard output was closed at its other end.
    No,
}

/// Prints `text` as one line, at once.
///
/// # Errors
///
/// [`OutputError`] for anything but a reader that has left.
pub(crate) fn say(text: impl Display) -> Result<Heard, OutputError> {
    say_to(&mut io::stdout().lock(), text)
}

fn say_to(out: &mut impl Write, text: impl Display) -> Result<Heard, OutputError> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Heard::Yes),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Heard::No),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_leaves_is_no_error_and_a_full_disk_is_one() {
        let (reader, mut writer) = io::pipe().unwrap();
        assert_eq!(say_to(&mut writer, "a").unwrap(), Heard::Yes);
        drop(reader);
        assert_eq!(say_to(&mut writer, "b").unwrap(), Heard::No);
        let mut full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(say_to(&mut full, "c").is_err());
    }
}
