//! Verdicts on the heads of requests that are given again in place of a call.

use std::sync::Arc;
use std::time::Duration;

use super::Instances;
use crate::exchange::Exchange;
use crate::plugin_host::Phase;
use crate::plugin_host::assignment::Core;
use crate::plugin_host::chain::Checked;
use crate::plugin_host::guest::Held;
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::repeats::{Basis, Known, Question};

impl Instances {
    /// What an assignment said to the same inputs before, if it would say so again. That counts as a call.
    pub(crate) fn known(&self, core: &Arc<Core>, inputs: &[Held], exchange: &Exchange) -> Known<Checked> {
        if !core.repeats() {
            return Known::Never;
        }
        self.sweep();
        let directory = &*self.services.deps.directory;
        let known = self.repeats.borrow_mut().look_up(core.uid, inputs, (exchange, directory));
        if matches!(known, Known::Verdict(_)) {
            self.count(core, Phase::RequestHead, CallOutcome::Repeated, Duration::ZERO);
        }
        known
    }

    /// Keeps a verdict that stands alone, if what it rests on lasts.
    pub(crate) fn keep(&self, question: Question, basis: Basis, checked: Checked) {
        let bytes = checked.bytes();
        self.repeats.borrow_mut().keep(question, basis, checked, bytes);
    }
}
