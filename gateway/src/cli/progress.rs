//! Bars and spinners, on a terminal only: in a pipe or a log nothing of them is seen.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A step that takes a while; gone when dropped.
pub(super) struct Step(ProgressBar);

impl Step {
    /// A spinner beside `what`.
    pub(super) fn begin(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.into());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// A bar that fills up to `bytes`.
    pub(super) fn of_bytes(what: impl Into<String>, bytes: u64) -> Self {
        let bar = ProgressBar::new(bytes).with_message(what.into());
        let style = ProgressStyle::with_template("{msg} [{bar:32}] {bytes}/{total_bytes}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    /// A bar that is seen once something is done, and fills as [`done_of`](Self::done_of) says.
    pub(super) fn of_count(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new(0).with_message(what.into());
        let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len}, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    /// So many of all of them are done.
    pub(super) fn done_of(&self, count: usize, all: usize) {
        self.0.set_length(all as u64);
        self.0.set_position(count as u64);
    }

    /// How much of the bar is full.
    pub(super) fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
        if self.0.length().is_some_and(|length| bytes >= length) {
            self.0.set_message("the gateway examines and compiles it");
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
