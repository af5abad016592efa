//! Every attack: its guest, how it must end, and within which time.

use crate::plugin_host::metrics::CallOutcome;

use Ends::{Fails, GoesOn, Refused, Unconfigured};

/// How an attack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// At upload; the refusal holds these words.
    Refused(&'static str),
    /// When it is assigned.
    Unconfigured,
    /// With each call, for this reason.
    Fails(&'static str),
    /// It does no harm: the request goes on.
    GoesOn,
}

impl Ends {
    /// What a request gets under the policy `closed`.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Fails(reason) => reason,
            GoesOn | Refused(_) | Unconfigured => "went on",
        }
    }

    /// What is counted for each call.
    pub(super) fn outcome(self) -> CallOutcome {
        match self.reason() {
            "went on" => CallOutcome::Proceed,
            "plugin-guest-time" | "plugin-wall-time" => CallOutcome::Timeout,
            "plugin-bad-answer" => CallOutcome::BadAnswer,
            "plugin-start" => CallOutcome::Unavailable,
            _ => CallOutcome::Trap,
        }
    }
}

/// Guest, end, milliseconds that one step may take, limits in place of the defaults. The time is far above what it
/// takes on an idle machine, since tests share theirs; without a limit, the guest would never end.
pub(super) type Case = (&'static str, Ends, u64, &'static str);

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    ("answers/carry-too-large", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/connection", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/content-length", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/cr-lf-in-a-name", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/cr-lf-in-a-value", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/empty-name", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/host", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/identity-without-the-right", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/lf-in-a-value", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/nul-in-a-value", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-climbs", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-climbs-in-disguise", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-empty", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-like-a-host", GoesOn, 1500, "{}"),
    ("answers/path-with-a-query", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-with-a-space", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-with-authority", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-with-cr-lf", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/path-without-slash", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/pseudo-header", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-100", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-199", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-600", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-65535", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-700", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/status-99", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/ten-thousand-edits", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/transfer-encoding", Fails("plugin-bad-answer"), 1500, "{}"),
    ("answers/upgrade", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/body-carry-too-large", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/body-frames-itself", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/body-loop", Fails("plugin-guest-time"), 1500, "{}"),
    ("bodies/body-not-set-up", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/body-of-a-gigabyte", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/body-too-large", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/body-trap", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/chunk-becomes-many", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/chunk-kept", Fails("plugin-memory"), 1500, r#"{"memory_mib": 3}"#),
    ("bodies/chunk-loop", Fails("plugin-guest-time"), 1500, "{}"),
    ("bodies/chunk-of-a-gigabyte", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/chunk-outside", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/chunk-slow", Fails("plugin-wall-time"), 1500, r#"{"wall_ms_per_exchange": 250}"#),
    ("bodies/chunk-trap", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/chunk-verdict-unknown", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/head-after-it-was-sent", GoesOn, 1500, "{}"),
    ("bodies/read-beyond", GoesOn, 1500, "{}"),
    ("bodies/read-for-ever", Fails("plugin-trap"), 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("bodies/stream-not-set-up", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/trailers-frame", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/trailers-host", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/trailers-loop", Fails("plugin-guest-time"), 1500, "{}"),
    ("bodies/trailers-outside", Fails("plugin-trap"), 1500, "{}"),
    ("bodies/trailers-split", Fails("plugin-bad-answer"), 1500, "{}"),
    ("bodies/trailers-trap", Fails("plugin-trap"), 1500, "{}"),
    ("handles/a-million", Fails("plugin-trap"), 1500, "{}"),
    ("handles/destructor-drops-again", Fails("plugin-trap"), 1500, "{}"),
    ("handles/destructor-traps", Fails("plugin-trap"), 1500, "{}"),
    ("handles/double-drop", Fails("plugin-trap"), 1500, "{}"),
    ("handles/forged", Fails("plugin-trap"), 1500, "{}"),
    ("handles/made-and-dropped", Fails("plugin-trap"), 1500, "{}"),
    ("handles/of-another-call", GoesOn, 1500, "{}"),
    ("handles/use-after-drop", Fails("plugin-trap"), 1500, "{}"),
    ("life/configured-once", Fails("plugin-start"), 1500, "{}"),
    ("life/panic-in-the-gateway", Fails("plugin-panic"), 1500, "{}"),
    ("life/realloc-calls-out", Fails("plugin-trap"), 1500, "{}"),
    ("life/trap-in-configure", Unconfigured, 1500, "{}"),
    ("life/trap-in-describe", Refused("describe"), 1500, "{}"),
    ("life/traps", Fails("plugin-trap"), 1500, "{}"),
    ("memory/deep-host-call", Fails("plugin-trap"), 3000, r#"{"host_calls": 4000000000, "guest_ms_per_call": 1000}"#),
    ("memory/deep-host-call-on-a-fiber", Fails("plugin-trap"), 3000, r#"{"host_calls": 4000000000, "guest_ms_per_call": 1000}"#),
    ("memory/deep-recursion", Fails("plugin-trap"), 1500, "{}"),
    ("memory/dirty-all-pages", GoesOn, 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("memory/grow-for-ever", Fails("plugin-guest-time"), 1500, "{}"),
    ("memory/grow-until-refused", Fails("plugin-memory"), 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("memory/huge-locals", Fails("plugin-trap"), 1500, "{}"),
    ("memory/many-memories", Refused("memories"), 1500, "{}"),
    ("memory/table-growth", Fails("plugin-trap"), 1500, "{}"),
    ("memory/three-memories", Refused("memories"), 1500, "{}"),
    ("memory/too-large-at-birth", Refused("begins with"), 1500, "{}"),
    ("noise/attribute-flood", GoesOn, 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("noise/label-explosion", GoesOn, 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("noise/log-flood", GoesOn, 3000, r#"{"guest_ms_per_call": 1000}"#),
    ("time/empty-loop", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/exponential", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/host-call-loop", Fails("plugin-trap"), 1500, "{}"),
    ("time/loop-after-wait", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/loop-in-configure", Unconfigured, 1500, "{}"),
    ("time/loop-in-describe", Refused("describe"), 1500, "{}"),
    ("time/loop-in-destructor", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/loop-in-post-return", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/loop-in-realloc", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/loop-in-start", Refused("describe"), 1500, "{}"),
    // An instruction that moves half of the memory is not broken off, but counts for as long as it took.
    ("time/memory-copy", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/memory-fill", Fails("plugin-guest-time"), 1500, "{}"),
    ("time/mutual-recursion", Fails("plugin-trap"), 1500, "{}"),
    ("time/sleep-by-host-calls", Fails("plugin-guest-time"), 1500, r#"{"host_calls": 4000000000}"#),
    ("time/wait-without-end", Fails("plugin-wall-time"), 1500, r#"{"wall_ms_per_exchange": 50}"#),
    ("values/a-million-headers", Fails("plugin-trap"), 1500, "{}"),
    ("values/answer-misaligned", Fails("plugin-trap"), 1500, "{}"),
    ("values/answer-outside", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-body-mode", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-bool", GoesOn, 1500, "{}"),
    ("values/bad-edit", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-enum-in-describe", Refused("describe"), 1500, "{}"),
    ("values/bad-enum-to-the-host", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-option", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-result", Fails("plugin-trap"), 1500, "{}"),
    ("values/bad-verdict", Fails("plugin-trap"), 1500, "{}"),
    ("values/invalid-utf8", Fails("plugin-trap"), 1500, "{}"),
    ("values/list-misaligned", Fails("plugin-trap"), 1500, "{}"),
    ("values/list-outside", Fails("plugin-trap"), 1500, "{}"),
    ("values/list-without-end", Fails("plugin-trap"), 1500, "{}"),
    ("values/realloc-gives-misaligned", Fails("plugin-trap"), 1500, "{}"),
    ("values/realloc-gives-outside", Fails("plugin-trap"), 1500, "{}"),
    ("values/realloc-gives-the-same", GoesOn, 1500, "{}"),
    ("values/realloc-gives-zero", GoesOn, 1500, "{}"),
    ("values/string-of-a-gigabyte", Fails("plugin-trap"), 1500, "{}"),
    ("values/string-of-all-memory", Fails("plugin-trap"), 1500, "{}"),
    ("values/string-outside", Fails("plugin-trap"), 1500, "{}"),
    ("values/surrogate", Fails("plugin-trap"), 1500, "{}"),
];
