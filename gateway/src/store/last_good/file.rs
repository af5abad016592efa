//! A file that is whole or not there, and the one before it.
//!
//! One head line with a format number and the SHA-256 of all the rest, then one JSON value a line; with
//! keys, these lines are one sealed text. The newest is written beside, flushed, and renamed into place after the old one was renamed away.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::LastGoodError;
use crate::sealing::Keyring;
use crate::store::indexed::hex;

const FORMAT: u64 = 1;
/// Before what is sealed; no JSON value begins so.
const SEALED: &str = "sealed:";

/// The content of a file in the making.
pub(super) struct Lines {
    head: Value,
    text: String,
}

impl Lines {
    pub(super) fn new(head: Value) -> Self {
        Self { head, text: String::new() }
    }

    pub(super) fn push(&mut self, value: &impl Serialize) {
        // JSON values and documents of strings always print; one that did not would be a short file,
        // which the reader notices.
        if let Ok(line) = serde_json::to_string(value) {
            self.push_text(&line);
        }
    }

    /// A value that is JSON in one line already.
    pub(super) fn push_text(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Where the two generations of one content are.
pub(super) struct Slot {
    folder: PathBuf,
    name: &'static str,
    keys: Option<Arc<Keyring>>,
}

impl Slot {
    pub(super) fn new(folder: &Path, name: &'static str, keys: Option<Arc<Keyring>>) -> Self {
        Self { folder: folder.to_owned(), name, keys }
    }

    pub(super) fn newest(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.name))
    }

    pub(super) fn previous(&self) -> PathBuf {
        self.folder.join(format!("{}.previous.jsonl", self.name))
    }

    /// Blocks: writes, flushes, renames.
    pub(super) fn write(&self, lines: Lines) -> Result<(), LastGoodError> {
        let unfinished = self.folder.join(format!("{}.unfinished", self.name));
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| LastGoodError::Write { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(refused(&self.folder))?;
        let lines = self.closed(lines)?;
        if let Err(error) = write_flushed(&unfinished, lines) {
            // Half a file is of no use, and takes the last of a disk that is full.
            _ = fs::remove_file(&unfinished);
            return Err(refused(&unfinished)(error));
        }
        let (newest, previous) = (self.newest(), self.previous());
        match self.keep(&newest, &previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(&previous)(error)),
            Ok(()) | Err(_) => {}
        }
        fs::rename(&unfinished, &newest).map_err(refused(&newest))?;
        // The names are part of the folder, which has a flush of its own.
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(refused(&self.folder))
    }

    /// Blocks: reads the newest generation that is whole and that `parse` understands.
    pub(super) fn read<T>(
        &self,
        parse: &dyn Fn(&Value, &mut dyn Iterator<Item = &str>) -> Option<T>,
    ) -> Option<T> {
        [self.newest(), self.previous()].iter().find_map(|path| {
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a saved configuration cannot be read");
                    return None;
                }
            };
            let found = whole(&text).and_then(|(head, rest)| {
                let rest = self.opened(rest)?;
                parse(&head, &mut rest.lines())
            });
            if found.is_none() {
                tracing::warn!(
                    path = %path.display(),
                    "a saved configuration is damaged or sealed with another key, trying the one before it"
                );
            }
            found
        })
    }

    /// The lines as they lie on the disk.
    fn closed(&self, lines: Lines) -> Result<Lines, LastGoodError> {
        let Some(keys) = &self.keys else { return Ok(lines) };
        let sealed = keys.seal(lines.text.as_bytes(), &[self.name]).ok_or(LastGoodError::Seal)?;
        Ok(Lines { head: lines.head, text: format!("{SEALED}{sealed}\n") })
    }

    /// The lines as they were before [`Self::closed`].
    fn opened<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let Some(sealed) = text.strip_prefix(SEALED) else { return Some(Cow::Borrowed(text)) };
        let opened = self.keys.as_ref()?.open(sealed.trim_end(), &[self.name]).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(Cow::Owned)
    }

    /// Makes the newest generation the one before it. One that was saved before there were keys would
    /// keep secrets in the clear, and goes.
    fn keep(&self, newest: &Path, previous: &Path) -> io::Result<()> {
        let is_plain = |path: &Path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_once('\n').is_some_and(|(_, rest)| !rest.starts_with(SEALED))
        };
        if self.keys.is_some() && is_plain(newest) {
            fs::remove_file(newest)?;
            return fs::remove_file(previous);
        }
        fs::rename(newest, previous)
    }
}

fn write_flushed(path: &Path, lines: Lines) -> io::Result<()> {
    let Lines { head, text } = lines;
    let head = json!({ "format": FORMAT, "sha256": digest(&head, &text), "about": head });
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{head}")?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The head and the rest, if the digest is right.
fn whole(text: &str) -> Option<(Value, &str)> {
    let (head, rest) = text.split_once('\n')?;
    let head: Value = serde_json::from_str(head).ok()?;
    let about = head.get("about")?;
    let right =
        head.get("format")?.as_u64()? == FORMAT && head.get("sha256")?.as_str()? == digest(about, rest);
    right.then(|| (about.clone(), rest))
}

fn digest(about: &Value, rest: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(about.to_string());
    hash.update("\n");
    hash.update(rest);
    hex(&hash.finalize())
}
